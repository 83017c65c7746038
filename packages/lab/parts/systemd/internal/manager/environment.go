package manager

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// account is who a service runs as.
type account struct {
	uid, gid          uint32
	groups            []uint32
	name, home, shell string // empty without User=
}

// stageError is a failure with the exit status that systemd gives it.
type stageError struct {
	stage int
	err   error
}

func (e stageError) Error() string { return e.err.Error() }

func resolveAccount(cfg *unit.Service) (account, error) {
	var a account
	if cfg.User != "" {
		found, err := user.Lookup(cfg.User)
		if err != nil {
			found, err = user.LookupId(cfg.User)
		}
		if err != nil {
			return a, stageError{217, fmt.Errorf("Failed to determine user credentials: no user %s", cfg.User)}
		}
		a.name, a.home, a.shell = found.Username, found.HomeDir, shellOf(found.Username)
		a.uid, a.gid = number(found.Uid), number(found.Gid)
		ids, err := found.GroupIds()
		if err != nil {
			return a, stageError{216, err}
		}
		for _, id := range ids {
			a.groups = append(a.groups, number(id))
		}
	}
	lookup := func(name string) (uint32, error) {
		group, err := user.LookupGroup(name)
		if err != nil {
			group, err = user.LookupGroupId(name)
		}
		if err != nil {
			return 0, stageError{216, fmt.Errorf("Failed to determine group credentials: no group %s", name)}
		}
		return number(group.Gid), nil
	}
	if cfg.Group != "" {
		gid, err := lookup(cfg.Group)
		if err != nil {
			return a, err
		}
		a.gid = gid
	}
	for _, name := range cfg.SupplementaryGroups {
		gid, err := lookup(name)
		if err != nil {
			return a, err
		}
		a.groups = append(a.groups, gid)
	}
	return a, nil
}

func number(id string) uint32 {
	n, _ := strconv.ParseUint(id, 10, 32) // the user database holds numbers only
	return uint32(n)
}

func shellOf(name string) string {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[0] == name {
			return fields[6]
		}
	}
	return ""
}

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

// openStdio gives the files that a service's programs have as stdin, stdout and stderr; closing them is the caller's.
func (s *service) openStdio(cfg *unit.Service, who account) ([3]*os.File, error) {
	var files [3]*os.File
	open := func(stream unit.Stream, inherited *os.File) (*os.File, error) {
		switch stream.Kind {
		case "inherit":
			return inherited, nil
		case "journal":
			return s.openJournalPipe(who)
		case "append", "truncate", "file":
			flags := os.O_WRONLY | os.O_CREATE
			switch stream.Kind {
			case "append":
				flags |= os.O_APPEND
			case "truncate":
				flags |= os.O_TRUNC
			}
			return os.OpenFile(stream.Path, flags, 0o644)
		}
		return os.OpenFile("/dev/null", os.O_RDWR, 0)
	}
	var err error
	if cfg.Input.Kind == "file" {
		files[0], err = os.Open(cfg.Input.Path)
	} else {
		files[0], err = os.Open("/dev/null")
	}
	if err != nil {
		return files, stageError{208, err}
	}
	if files[1], err = open(cfg.Output, files[0]); err != nil {
		return files, stageError{209, err}
	}
	if files[2], err = open(cfg.ErrorOutput, files[1]); err != nil {
		return files, stageError{222, err}
	}
	return files, nil
}

// openJournalPipe gives a file whose lines go to the journal.
func (s *service) openJournalPipe(who account) (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if who.uid != 0 || who.gid != 0 {
		// So that a program may open /dev/stdout again although it isn't root.
		if err := writer.Chown(int(who.uid), int(who.gid)); err != nil {
			reader.Close()
			writer.Close()
			return nil, err
		}
	}
	go func() {
		defer reader.Close()
		lines := bufio.NewReaderSize(reader, 48*1024)
		for {
			// A line longer than the buffer becomes several entries.
			line, err := lines.ReadSlice('\n')
			if text := strings.TrimRight(string(line), "\n"); len(line) > 0 {
				priority, text := splitPriority(text, journal.Info)
				identifier, pid := s.speaker()
				s.m.journal.Write(journal.Entry{Unit: s.name, Identifier: identifier, PID: pid, Priority: priority, Message: text})
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				if !errors.Is(err, io.EOF) {
					s.m.log(journal.Warning, s.name, "%s: its output can't be read: %v", s.name, err)
				}
				return
			}
		}
	}()
	return writer, nil
}
