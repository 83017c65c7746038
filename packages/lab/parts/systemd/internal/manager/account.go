package manager

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"meshlift.dev/lab/parts/systemd/internal/unit"
)

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
