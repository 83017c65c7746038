package manager

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// takeDown runs ExecStop=, ends every process as KillMode= says, and runs ExecStopPost=.
func (c *cycle) takeDown(result string) string {
	c.goingDown = true
	s := c.s
	wasUp := isUp(s.m.state(s.n))
	c.lastResult = result
	// The service's folders and sockets go with it; a oneshot that just finished has nothing else to end.
	defer c.close()
	if c.keeper == nil {
		return result
	}
	if c.stopAsked {
		s.m.log(journal.Info, s.name, "Stopping %s...", s.title())
	}
	if wasUp && result == "success" && len(c.cfg.Stop) > 0 {
		s.m.set(s.n, "deactivating", "stop")
		for _, command := range c.cfg.Stop {
			if ended := c.runControl(command, "stop", deadlineIn(c.cfg.TimeoutStop), false); ended != "success" && result == "success" {
				result = ended
			}
		}
	}
	if outcome := c.endProcesses(); outcome != "success" && result == "success" {
		result = outcome
	}
	c.lastResult = result
	if len(c.cfg.StopPost) > 0 {
		s.m.set(s.n, "deactivating", "stop-post")
		for _, command := range c.cfg.StopPost {
			if ended := c.runControl(command, "stop-post", deadlineIn(c.cfg.TimeoutStop), false); ended != "success" && result == "success" {
				result = ended
			}
		}
		if c.populated && (c.cfg.KillMode == "control-group" || c.cfg.KillMode == "mixed") {
			c.killAll(c.cfg.FinalKillSignal)
			c.await(deadlineIn(5*time.Second), false, func() bool { return !c.populated })
		}
	}
	if result == "success" && (wasUp || c.stopAsked) {
		s.m.log(journal.Info, s.name, "%s: Deactivated successfully.", s.name)
	}
	if c.stopAsked {
		s.m.log(journal.Info, s.name, "Stopped %s.", s.title())
	}
	return result
}

// endProcesses asks the service's processes to end, and makes them.
func (c *cycle) endProcesses() string {
	s, mode := c.s, c.cfg.KillMode
	whole := mode == "control-group" || mode == "mixed"
	down := func() bool { return c.mainPID == 0 && (!whole || !c.populated) }
	// The deaths of the last moment may not have been reported yet.
	if c.populated && c.mainPID == 0 && len(keeper.Below(c.keeper.PID)) == 0 {
		c.await(deadlineIn(100*time.Millisecond), false, down)
	}
	if down() || mode == "none" {
		return "success"
	}
	s.m.set(s.n, "deactivating", "stop-sigterm")
	targets := func() []int {
		if mode == "control-group" {
			return c.pids()
		}
		if c.mainPID != 0 {
			return []int{c.mainPID}
		}
		return nil
	}
	for _, pid := range targets() {
		c.signal(pid, c.cfg.KillSignal)
		if c.cfg.KillSignal != syscall.SIGKILL {
			c.signal(pid, syscall.SIGCONT)
		}
		if c.cfg.SendSIGHUP {
			c.signal(pid, syscall.SIGHUP)
		}
	}
	gentle := down
	if mode == "mixed" { // the rest is killed as soon as the main process has gone
		gentle = func() bool { return c.mainPID == 0 }
	}
	outcome := "success"
	if c.await(deadlineIn(c.cfg.TimeoutStop), false, gentle) == timedOut {
		s.m.log(journal.Warning, s.name, "%s: State 'stop-sigterm' timed out. Killing.", s.name)
		outcome = "timeout"
	}
	if down() || !c.cfg.SendSIGKILL {
		return outcome
	}
	s.m.set(s.n, "deactivating", "stop-sigkill")
	if !whole {
		c.signal(c.mainPID, c.cfg.FinalKillSignal)
	} else {
		for _, process := range keeper.Below(c.keeper.PID) {
			s.m.log(journal.Warning, s.name, "%s: Killing process %d (%s) with signal SIG%s.", s.name, process.PID,
				firstWord(process.Command), unit.SignalName(c.cfg.FinalKillSignal))
		}
		c.killAll(c.cfg.FinalKillSignal)
	}
	if c.await(deadlineIn(10*time.Second), false, down) == timedOut {
		s.m.log(journal.Error, s.name, "%s: Processes still around after SIGKILL. Ignoring.", s.name)
	}
	return outcome
}

func firstWord(command string) string {
	word, _, _ := strings.Cut(command, " ")
	return filepath.Base(word)
}

// close lets go of all that open made.
func (c *cycle) close() {
	s := c.s
	if c.notifySocket != nil {
		c.notifySocket.Close()
		// It may have been removed with everything else in /run.
		_ = os.Remove(c.notifyPath())
	}
	if err := removeRuntimeDirectories(c.cfg); err != nil {
		s.m.log(journal.Warning, s.name, "%s: %v", s.name, err)
	}
	if c.keeper != nil {
		pid, exits := c.keeper.PID, c.exits
		c.keeper.Close()
		go func() { // processes that KillMode= lets live may stay for long
			for range exits {
			}
			s.m.mu.Lock()
			delete(s.m.keepers, pid)
			s.m.mu.Unlock()
		}()
	}
	s.update(func() { s.mainPID, s.controlPID, s.keeperPID, s.statusText = 0, 0, 0, "" })
}

// pids lists the service's processes.
func (c *cycle) pids() []int {
	var pids []int
	for _, process := range keeper.Below(c.keeper.PID) {
		pids = append(pids, process.PID)
	}
	return pids
}

func (c *cycle) signal(pid int, signal syscall.Signal) {
	if pid <= 1 {
		return
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		c.s.m.log(journal.Warning, c.s.name, "%s: signal process %d: %v", c.s.name, pid, err)
	}
}

// killAll signals every process of the service until no new one turns up, so that nothing escapes by forking.
func (c *cycle) killAll(signal syscall.Signal) {
	seen := map[int]bool{}
	for fresh := true; fresh; {
		fresh = false
		for _, pid := range c.pids() {
			if !seen[pid] {
				seen[pid], fresh = true, true
				c.signal(pid, signal)
			}
		}
	}
}
