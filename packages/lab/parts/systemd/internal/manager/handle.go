package manager

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// handle answers one request of systemctl.
func (m *Manager) handle(request control.Request, isRoot bool) control.Answer {
	switch request.Verb {
	case "status":
		answer := control.Answer{System: m.systemState()}
		for _, name := range request.Units {
			answer.Units = append(answer.Units, m.status(m.get(name), name))
		}
		return answer
	case "list":
		return m.list()
	}
	if !isRoot {
		return control.Answer{Denied: true, Error: "Interactive authentication required."}
	}
	switch request.Verb {
	case "start":
		return control.Answer{Results: m.start(request.Units, request.NoBlock)}
	case "stop":
		if request.NoBlock {
			go m.stop(request.Units)
			return control.Answer{}
		}
		return control.Answer{Results: m.stop(request.Units)}
	case "restart", "try-restart":
		return control.Answer{Results: m.restart(request.Units, request.Verb == "try-restart", request.NoBlock)}
	case "reload", "reload-or-restart", "try-reload-or-restart":
		return control.Answer{Results: m.each(request.Units, func(n *node) error { return m.reloadUnit(n, request.Verb) })}
	case "kill":
		return control.Answer{Results: m.each(request.Units, func(n *node) error { return m.kill(n, request) })}
	case "reset-failed":
		return m.resetFailed(request.Units)
	case "daemon-reload":
		m.reload()
		m.log(journal.Info, "", "Reloading.")
		return control.Answer{}
	case "poweroff":
		m.shutdown <- powerOff
		return control.Answer{}
	case "reboot":
		m.shutdown <- reboot
		return control.Answer{}
	}
	return control.Answer{Error: "Unknown request " + request.Verb + "."}
}

func (m *Manager) each(names []string, do func(*node) error) []control.Result {
	var results []control.Result
	for _, name := range names {
		result := control.Result{Unit: name}
		n := m.get(name)
		if m.definition(n).Load == unit.NotFound {
			result.Error, result.Code = fmt.Sprintf("Unit %s not found.", name), exitNotFound
		} else if err := do(n); err != nil {
			result.Error, result.Code = err.Error(), exitFailure
		}
		results = append(results, result)
	}
	return results
}

// restart stops what runs and starts it again; try leaves alone what doesn't run. What was stopped along with a unit
// because it needs it is started again, too.
func (m *Manager) restart(names []string, try, noBlock bool) []control.Result {
	var chosen []string
	stopping := map[string]*node{}
	for _, name := range names {
		n := m.get(name)
		if try && isDown(m.state(n)) {
			continue
		}
		chosen = append(chosen, name)
		if m.definition(n).Load == unit.Loaded || !isDown(m.state(n)) {
			m.collectDependents(n, stopping)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	var dragged []string
	for name := range stopping {
		if n := stopping[name]; m.definition(n).Load == unit.Loaded && isUp(m.state(n)) {
			dragged = append(dragged, name)
		}
	}
	act := func() []control.Result {
		m.stopAll(stopping)
		m.start(dragged, true)
		return m.start(chosen, false)
	}
	if noBlock {
		go act()
		return nil
	}
	return act()
}

func (m *Manager) reloadUnit(n *node, verb string) error {
	if n.service == nil {
		return fmt.Errorf("Failed to reload %s: Job type reload is not applicable for unit %s.", n.name, n.name)
	}
	cfg, err := n.service.config()
	if err != nil {
		return err
	}
	up := isUp(m.state(n))
	if verb == "reload" || len(cfg.Reload) > 0 && up {
		return n.service.ask(verbReload)
	}
	if verb == "try-reload-or-restart" && !up {
		return nil
	}
	for _, result := range m.restart([]string{n.name}, false, false) {
		if result.Error != "" {
			return fmt.Errorf("%s", result.Error)
		}
	}
	return nil
}

func (m *Manager) kill(n *node, request control.Request) error {
	if n.service == nil {
		return fmt.Errorf("Failed to kill unit %s: it has no processes.", n.name)
	}
	m.mu.Lock()
	mainPID, controlPID, keeperPID := n.service.mainPID, n.service.controlPID, n.service.keeperPID
	m.mu.Unlock()
	var pids []int
	switch request.Who {
	case "main":
		pids = []int{mainPID}
	case "control":
		pids = []int{controlPID}
	default:
		if keeperPID != 0 {
			for _, process := range keeper.Below(keeperPID) {
				pids = append(pids, process.PID)
			}
		}
	}
	signalled := false
	for _, pid := range pids {
		if pid > 1 && syscall.Kill(pid, syscall.Signal(request.Signal)) == nil {
			signalled = true
		}
	}
	if !signalled {
		return fmt.Errorf("Failed to kill unit %s: No process to kill", n.name)
	}
	return nil
}

func (m *Manager) resetFailed(names []string) control.Answer {
	forgive := func(n *node) error {
		m.mu.Lock()
		failed := n.active == "failed"
		n.result = "success"
		m.mu.Unlock()
		if failed {
			m.set(n, "inactive", "dead")
		}
		if n.service != nil {
			n.service.forgive()
		}
		return nil
	}
	if len(names) > 0 {
		return control.Answer{Results: m.each(names, forgive)}
	}
	m.mu.Lock()
	var all []*node
	for _, n := range m.nodes {
		all = append(all, n)
	}
	m.mu.Unlock()
	for _, n := range all {
		// forgive never fails
		_ = forgive(n)
	}
	return control.Answer{}
}

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
