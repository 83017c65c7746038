package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// File descriptors that a shim hands to the copy of itself that becomes the container.
const (
	planDescriptor   = 3
	reportDescriptor = 4
)

// containerInit is the first process of a container: it makes the file system, becomes the planned
// user and executes the planned program. What goes wrong it reports to the shim; the report's end
// without a word means that the program runs.
func containerInit() {
	report := os.NewFile(reportDescriptor, "report")
	if err := becomeContainer(); err != nil {
		fmt.Fprint(report, err)
		os.Exit(exitFailed)
	}
}

func becomeContainer() error {
	var plan ContainerPlan
	if err := readJSON(fmt.Sprintf("/proc/self/fd/%d", planDescriptor), &plan); err != nil {
		return err
	}
	if err := enterRoot(&plan); err != nil {
		return err
	}
	if err := limitCapabilities(plan.Process.Capabilities); err != nil {
		return err
	}
	if err := become(plan.Process); err != nil {
		return err
	}
	// The container must not outlive its shim, which knows its log and its end. Only now, because changing the user clears it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Chdir(plan.Process.Cwd); err != nil {
		return fmt.Errorf("working directory %q: %w", plan.Process.Cwd, err)
	}
	unix.Umask(0o022)
	program, err := findProgram(plan.Process.Argv[0], plan.Process.Env)
	if err != nil {
		return err
	}
	return fmt.Errorf("exec %s: %w", program, unix.Exec(program, plan.Process.Argv, plan.Process.Env))
}

var errNotInPath = errors.New("executable file not found in $PATH")

// findProgram looks a name without a slash up in the PATH of the environment given, as a shell does.
func findProgram(name string, environment []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := ""
	for _, entry := range environment {
		if value, found := strings.CutPrefix(entry, "PATH="); found {
			search = value
		}
	}
	for _, folder := range filepath.SplitList(search) {
		candidate := filepath.Join(folder, name)
		information, err := os.Stat(candidate)
		if err == nil && !information.IsDir() && information.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("exec %q: %w (%s)", name, errNotInPath, search)
}
