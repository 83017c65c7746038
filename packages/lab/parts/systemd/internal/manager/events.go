package manager

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// notice is one message of the sd_notify protocol.
type notice struct {
	sender int
	text   string
}

type verdict int

const (
	fulfilled verdict = iota
	timedOut
	stopped
)

// await handles whatever happens to the service until done, the deadline (zero: none), or, if obeyed, a stop request.
func (c *cycle) await(deadline time.Time, obeyStop bool, done func() bool) verdict {
	var expired <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		expired = timer.C
	}
	for {
		if done() {
			return fulfilled
		}
		if obeyStop && c.stopAsked {
			return stopped
		}
		select {
		case <-expired:
			return timedOut
		case exit, open := <-c.exits:
			c.noteExit(exit, open)
		case n, open := <-c.notices:
			if !open {
				c.notices = nil
			} else {
				c.noteNotice(n)
			}
		case r := <-c.s.requests:
			c.noteRequest(r)
		}
	}
}

func (c *cycle) noteExit(exit keeper.Exited, open bool) {
	if !open { // the keeper was killed: nothing is known of its processes any more, they are init's now
		c.exits, c.populated = nil, false
		for _, pid := range []int{c.mainPID, c.controlPID} {
			if pid != 0 {
				c.exited[pid] = syscall.WaitStatus(syscall.SIGKILL)
			}
		}
		if c.mainPID != 0 {
			c.noteMainExit(syscall.WaitStatus(syscall.SIGKILL))
		}
		return
	}
	// Of orphans nothing needs to be kept, unless one may turn out to be the main process of a forking service.
	if exit.PID == c.controlPID || c.cfg.Type == "forking" && c.mainStatus == nil {
		c.exited[exit.PID] = exit.Status
	}
	if exit.Last {
		c.populated = false
	}
	if exit.PID == c.mainPID {
		c.noteMainExit(exit.Status)
	}
}

func (c *cycle) noteMainExit(status syscall.WaitStatus) {
	s := c.s
	c.mainPID, c.mainStatus = 0, &status
	exit := exitOf(status)
	exit.At = time.Now().UnixMicro()
	s.update(func() { s.mainPID, s.mainExit = 0, &exit })
	if status != 0 && !(c.goingDown && c.mainResult() == "success") {
		priority := journal.Notice
		if c.mainResult() == "success" {
			priority = journal.Info
		}
		s.m.log(priority, s.name, "%s: Main process exited, %s", s.name, describe(status))
	}
}

func (c *cycle) noteNotice(n notice) {
	s := c.s
	access := c.cfg.NotifyAccess
	if (access == "" || access == "main" || access == "exec") && n.sender != 0 && n.sender != c.mainPID && n.sender != c.controlPID {
		s.m.log(journal.Warning, s.name, "%s: Got notification message from PID %d, but reception only permitted for main PID %d",
			s.name, n.sender, c.mainPID)
		return
	}
	for line := range strings.Lines(n.text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		switch key {
		case "READY":
			c.ready = value == "1"
			if c.reloading {
				c.reloading = false
			}
		case "RELOADING":
			c.reloading = value == "1"
		case "STATUS":
			s.update(func() { s.statusText = value })
		case "MAINPID":
			if pid, err := strconv.Atoi(value); err == nil && keeper.AncestorIn(pid, map[int]bool{c.keeper.PID: true}) != 0 {
				c.adoptMain(pid)
			}
		}
	}
}

func (c *cycle) noteRequest(r request) {
	switch r.verb {
	case verbStart:
		switch {
		case c.goingDown || c.stopAsked:
			c.again = append(c.again, r.reply)
		case isUp(c.s.m.state(c.s.n)):
			r.reply <- nil
		default:
			c.starts = append(c.starts, r.reply)
		}
	case verbStop:
		c.stopAsked = true
		c.stops = append(c.stops, r.reply)
		// A stop cancels a start that was asked for while it was going down.
		answer(c.again, errors.New("Job for "+c.s.name+" canceled."))
		c.again = nil
	case verbReload:
		r.reply <- c.reload()
	}
}

// reload runs ExecReload=. It is called from await, and waits in an await of its own.
func (c *cycle) reload() error {
	s := c.s
	if c.goingDown || !isUp(s.m.state(s.n)) {
		return errors.New("Unit " + s.name + " is not active, cannot reload.")
	}
	if cfg, err := s.config(); err == nil {
		c.cfg = cfg
	}
	if len(c.cfg.Reload) == 0 {
		return fmt.Errorf("Failed to reload %s: Job type reload is not applicable for unit %s.", s.name, s.name)
	}
	s.m.mu.Lock()
	sub := s.n.sub
	s.m.mu.Unlock()
	s.m.log(journal.Info, s.name, "Reloading %s...", s.title())
	s.m.set(s.n, "reloading", "reload")
	defer func() {
		if isUp(s.m.state(s.n)) {
			s.m.set(s.n, "active", sub)
		}
	}()
	for _, command := range c.cfg.Reload {
		if result := c.runControl(command, "reload", deadlineIn(c.cfg.TimeoutStart), true); result != "success" {
			s.m.log(journal.Error, s.name, "Reload failed for %s.", s.title())
			return s.startError(result)
		}
	}
	s.m.log(journal.Info, s.name, "Reloaded %s.", s.title())
	return nil
}

func (c *cycle) timeout(phase string) string {
	c.s.m.log(journal.Warning, c.s.name, "%s: %s operation timed out. Terminating.", c.s.name, phase)
	return "timeout"
}

// deadlineIn gives the moment in d, or none for unit.Infinity.
func deadlineIn(d time.Duration) time.Time {
	if d == unit.Infinity {
		return time.Time{}
	}
	return time.Now().Add(d)
}
