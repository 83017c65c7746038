package manager

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"meshlift.dev/lab/parts/systemd/internal/journal"
)

// processesGetToEnd is how long processes outside of any service have between SIGTERM and SIGKILL.
const processesGetToEnd = 500 * time.Millisecond

// halt stops every service in order, then every process, and ends the machine. In a process-id namespace, reboot(2)
// ends the namespace and tells its parent by a signal which of the two was asked for.
func (m *Manager) halt(action powerAction) error {
	m.mu.Lock()
	m.halting = true
	running := map[string]*node{}
	for name, n := range m.nodes {
		if !isDown(n.active) || n.service != nil && n.service.busy {
			running[name] = n
		}
	}
	m.mu.Unlock()
	m.log(journal.Notice, "", "The system will %s now!", map[powerAction]string{powerOff: "power off", reboot: "reboot"}[action])
	m.stopAll(running)
	m.log(journal.Info, "", "Reached target %s.", action.target())

	endProcesses()
	syscall.Sync()
	how := unix.LINUX_REBOOT_CMD_POWER_OFF
	if action == reboot {
		how = unix.LINUX_REBOOT_CMD_RESTART
	}
	err := unix.Reboot(how)
	// Only where this isn't the first process of a namespace, or may not do it.
	return fmt.Errorf("%s: %w", action.target(), err)
}

func endProcesses() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		// ESRCH: none is left.
		if syscall.Kill(-1, signal) != nil {
			return
		}
		for deadline := time.Now().Add(processesGetToEnd); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if syscall.Kill(-1, 0) != nil {
				return
			}
		}
	}
}

func (m *Manager) isHalting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halting
}

// systemState is what `systemctl is-system-running` says.
func (m *Manager) systemState() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halting {
		return "stopping"
	}
	if m.booting {
		return "starting"
	}
	for _, n := range m.nodes {
		if n.active == "failed" {
			return "degraded"
		}
	}
	return "running"
}
