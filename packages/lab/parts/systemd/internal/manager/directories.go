package manager

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// makeDirectories makes RuntimeDirectory= and its kin and gives the variables that name them.
func makeDirectories(cfg *unit.Service, who account) ([]string, error) {
	var variables []string
	for kind, directory := range cfg.Directories {
		var paths []string
		for _, name := range directory.Names {
			path := filepath.Join(directory.Base, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return nil, stageError{233, err}
			}
			if err := os.Mkdir(path, directory.Mode); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, stageError{233, err}
			}
			owner := who
			if kind == "Configuration" {
				owner = account{}
			}
			if err := os.Chown(path, int(owner.uid), int(owner.gid)); err != nil {
				return nil, stageError{233, err}
			}
			// Mkdir's mode is cut by the umask, and setgid bits are lost by chown.
			if err := syscall.Chmod(path, uint32(directory.Mode)); err != nil {
				return nil, stageError{233, err}
			}
			paths = append(paths, path)
		}
		if len(paths) > 0 {
			variables = append(variables, directory.Variable+"="+strings.Join(paths, ":"))
		}
	}
	return variables, nil
}

func removeRuntimeDirectories(cfg *unit.Service) error {
	if cfg.KeepRuntimeDirectory {
		return nil
	}
	var failed error
	for _, name := range cfg.Directories["Runtime"].Names {
		failed = errors.Join(failed, os.RemoveAll(filepath.Join("/run", name)))
	}
	return failed
}
