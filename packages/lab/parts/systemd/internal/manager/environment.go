package manager

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"meshlift.dev/lab/parts/systemd/internal/unit"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is what a service's programs see: defaults, Environment=, EnvironmentFile=, then what init adds.
func environment(cfg *unit.Service, who account, added []string) ([]string, error) {
	values := map[string]string{}
	var order []string
	put := func(assignment string) {
		key, value, found := strings.Cut(assignment, "=")
		if !found {
			return
		}
		if _, known := values[key]; !known {
			order = append(order, key)
		}
		values[key] = value
	}
	put("LANG=C.UTF-8")
	put("PATH=" + defaultPath)
	if who.name != "" {
		put("HOME=" + who.home)
		put("LOGNAME=" + who.name)
		put("USER=" + who.name)
		put("SHELL=" + who.shell)
	}
	for _, assignment := range cfg.Environment {
		put(assignment)
	}
	for _, file := range cfg.EnvironmentFiles {
		paths, err := filepath.Glob(file.Path)
		if err == nil && len(paths) == 0 && !file.Optional {
			err = fmt.Errorf("%s: %w", file.Path, fs.ErrNotExist)
		}
		if err != nil {
			return nil, fmt.Errorf("Failed to load environment files: %w", err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				if file.Optional {
					continue
				}
				return nil, fmt.Errorf("Failed to load environment files: %w", err)
			}
			for _, assignment := range unit.ParseEnvironmentFile(string(text)) {
				put(assignment)
			}
		}
	}
	for _, assignment := range added {
		put(assignment)
	}
	for _, name := range cfg.UnsetEnvironment {
		key, value, exact := strings.Cut(name, "=")
		if current, set := values[key]; set && (!exact || current == value) {
			delete(values, key)
		}
	}
	var assignments []string
	for _, key := range order {
		if value, set := values[key]; set {
			assignments = append(assignments, key+"="+value)
		}
	}
	return assignments, nil
}

func lookupIn(environment []string) func(string) string {
	return func(name string) string {
		for _, assignment := range environment {
			if key, value, _ := strings.Cut(assignment, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// findProgram resolves a plain program name along the default path, as systemd does.
func findProgram(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(defaultPath) {
		if path := filepath.Join(dir, name); isExecutable(path) {
			return path, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
