package manager

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

func (m *Manager) list() control.Answer {
	answer := control.Answer{System: m.systemState()}
	m.mu.Lock()
	var nodes []*node
	for _, n := range m.nodes {
		if n.unit.Load != unit.NotFound {
			nodes = append(nodes, n)
		}
	}
	m.mu.Unlock()
	for _, n := range nodes {
		answer.Units = append(answer.Units, m.status(n, n.name))
	}
	return answer
}

// stale says whether a unit's files changed since they were read.
func (m *Manager) stale(n *node) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return n.unit.Changed(m.loader)
}

// status gathers what is known of a unit, under the name that was asked for.
func (m *Manager) status(n *node, asked string) control.Status {
	stale := m.stale(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	u := n.unit
	status := control.Status{
		ID: u.Name, Description: u.Description(), Documentation: u.Words("Unit", "Documentation"),
		LoadState: string(u.Load), LoadError: u.Error, Path: u.Path, DropIns: u.DropIns,
		FileState: m.loader.FileState(u.Name), ActiveState: n.active, SubState: n.sub, Result: n.result,
		Condition: n.condition, Stale: stale, StateChange: n.stateChange, ActiveEnter: n.activeEnter,
		ActiveExit: n.activeExit, InactiveEnter: n.inactiveEnter, InactiveExit: n.inactiveExit,
	}
	if u.Load == unit.NotFound {
		status.ID = asked
	}
	dependencies := u.Dependencies()
	words := func(name string, values []string) {
		status.Properties = append(status.Properties, [2]string{name, strings.Join(values, " ")})
	}
	words("Requires", dependencies.Requires)
	words("Wants", dependencies.Wants)
	words("After", dependencies.After)
	words("Before", dependencies.Before)
	if s := n.service; s != nil {
		status.MainPID, status.ControlPID, status.LastMainPID = s.mainPID, s.controlPID, s.lastMainPID
		status.Restarts, status.StatusText, status.InvocationID = s.restarts, s.statusText, s.invocationID
		status.MainStart, status.MainExit = s.mainStart, s.mainExit
		if s.mainPID != 0 {
			name, err := os.ReadFile("/proc/" + strconv.Itoa(s.mainPID) + "/comm")
			if err == nil {
				status.MainName = strings.TrimSpace(string(name))
			}
		}
		if s.keeperPID != 0 {
			status.Processes = keeper.Below(s.keeperPID)
		}
		if s.cfg != nil {
			status.Properties = append(status.Properties, serviceProperties(s.cfg)...)
		}
	}
	return status
}

func serviceProperties(cfg *unit.Service) [][2]string {
	properties := [][2]string{
		{"Type", cfg.Type}, {"Restart", cfg.Restart}, {"RestartUSec", span(cfg.RestartSec)},
		{"TimeoutStartUSec", span(cfg.TimeoutStart)}, {"TimeoutStopUSec", span(cfg.TimeoutStop)},
		{"RemainAfterExit", yesNo(cfg.RemainAfterExit)}, {"KillMode", cfg.KillMode},
		{"KillSignal", strconv.Itoa(int(cfg.KillSignal))}, {"User", cfg.User}, {"Group", cfg.Group},
		{"WorkingDirectory", cfg.WorkingDirectory}, {"UMask", fmt.Sprintf("%04o", cfg.UMask)},
		{"Environment", strings.Join(cfg.Environment, " ")}, {"CanReload", yesNo(len(cfg.Reload) > 0)},
	}
	for _, list := range []struct {
		name     string
		commands []unit.Command
	}{
		{"ExecStartPre", cfg.StartPre}, {"ExecStart", cfg.Start}, {"ExecStartPost", cfg.StartPost},
		{"ExecReload", cfg.Reload}, {"ExecStop", cfg.Stop}, {"ExecStopPost", cfg.StopPost},
	} {
		for _, command := range list.commands {
			properties = append(properties, [2]string{list.name, fmt.Sprintf("{ path=%s ; argv[]=%s ; ignore_errors=%s }",
				command.Path, command, yesNo(command.IgnoreFailure))})
		}
	}
	for _, file := range cfg.EnvironmentFiles {
		properties = append(properties, [2]string{"EnvironmentFiles", fmt.Sprintf("%s (ignore_errors=%s)", file.Path, yesNo(file.Optional))})
	}
	return properties
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
