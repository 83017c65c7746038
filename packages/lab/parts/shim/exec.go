package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// execInContainer runs argv in the container of directory, as the container's user and with its
// environment, on this process's standard streams, and returns the exit code to end with. SIGTERM
// ends the command at once: whoever asked for it does not wait any longer.
func execInContainer(directory string, argv []string, terminal bool) int {
	process, err := startInContainer(directory, argv, terminal)
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot exec in the container: %v\n", err)
		if errors.Is(err, errNotInPath) || errors.Is(err, os.ErrNotExist) {
			return exitNotFound
		}
		return exitCannotInvoke
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	go func() {
		for range signals {
			_ = process.Kill()
		}
	}()
	state, err := process.Wait()
	if err != nil {
		fmt.Fprintf(os.Stderr, "wait for the command: %v\n", err)
		return exitFailed
	}
	return exitCode(state)
}

func startInContainer(directory string, argv []string, terminal bool) (*os.Process, error) {
	plan, err := readPlan(directory)
	if err != nil {
		return nil, err
	}
	var started Started
	if err := readJSON(filepath.Join(directory, startedFile), &started); err != nil {
		return nil, fmt.Errorf("the container is not running: %w", err)
	}
	if err := enterContainer(started); err != nil {
		return nil, err
	}
	if err := limitCapabilities(plan.Process.Capabilities); err != nil {
		return nil, err
	}
	if plan.Process.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return nil, err
		}
	}
	program, err := findProgram(argv[0], plan.Process.Env)
	if err != nil {
		return nil, err
	}
	ambient := make([]uintptr, len(plan.Process.AmbientCapabilities))
	for index, number := range plan.Process.AmbientCapabilities {
		ambient[index] = uintptr(number)
	}
	environment := plan.Process.Env
	if terminal && !slices.ContainsFunc(environment, func(entry string) bool { return strings.HasPrefix(entry, "TERM=") }) {
		environment = append(environment, "TERM=xterm")
	}
	return os.StartProcess(program, argv, &os.ProcAttr{
		Dir:   plan.Process.Cwd,
		Env:   environment,
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: plan.Process.UID, Gid: plan.Process.GID, Groups: plan.Process.Groups},
			AmbientCaps: ambient,
			Setsid:      terminal,
			Setctty:     terminal,
		},
	})
}

// enterContainer moves this thread, and with it what it starts, into the container's namespaces and root.
func enterContainer(started Started) error {
	startTime, err := processStartTime(started.Pid)
	if err != nil || startTime != started.PidStartTime {
		return errors.New("the container is not running")
	}
	kinds := []namespaceKind{
		{"ipc", unix.CLONE_NEWIPC, ""},
		{"uts", unix.CLONE_NEWUTS, ""},
		{"net", unix.CLONE_NEWNET, ""},
		{"pid", unix.CLONE_NEWPID, ""},
		{"mnt", unix.CLONE_NEWNS, ""},
	}
	files := make([]*os.File, len(kinds))
	for index, kind := range kinds {
		file, err := os.Open(filepath.Join("/proc", strconv.Itoa(started.Pid), "ns", kind.name))
		if err != nil {
			return fmt.Errorf("the container is not running: %w", err)
		}
		defer file.Close()
		files[index] = file
	}
	// A thread that shares its root and working directory with others may not change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	for index, kind := range kinds {
		if err := unix.Setns(int(files[index].Fd()), kind.flag); err != nil {
			return fmt.Errorf("join the container's %s namespace: %w", kind.name, err)
		}
	}
	return nil
}
