package manager

import (
	"fmt"
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
