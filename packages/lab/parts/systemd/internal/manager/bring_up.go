package manager

import (
	"os"
	"strconv"
	"strings"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
)

// bringUp runs everything up to the point where the service counts as started.
func (c *cycle) bringUp() string {
	deadline := deadlineIn(c.cfg.TimeoutStart)
	for _, command := range c.cfg.Condition {
		result := c.runControl(command, "condition", deadline, true)
		if status, ended := c.lastControl(); result == "exit-code" && ended && status.ExitStatus() <= 254 {
			c.s.m.log(journal.Info, c.s.name, "%s: Skipped due to 'exec-condition'.", c.s.name)
			return "exec-condition"
		}
		if result != "success" || c.stopAsked {
			return result
		}
	}
	if len(c.cfg.StartPre) > 0 {
		c.s.m.set(c.s.n, "activating", "start-pre")
	}
	for _, command := range c.cfg.StartPre {
		if result := c.runControl(command, "start-pre", deadline, true); result != "success" || c.stopAsked {
			return result
		}
	}
	c.s.m.set(c.s.n, "activating", "start")
	if result := c.startMain(deadline); result != "success" || c.stopAsked {
		return result
	}
	if len(c.cfg.StartPost) > 0 {
		c.s.m.set(c.s.n, "activating", "start-post")
	}
	for _, command := range c.cfg.StartPost {
		if result := c.runControl(command, "start-post", deadline, true); result != "success" || c.stopAsked {
			return result
		}
	}
	return "success"
}

// startMain runs ExecStart= and waits for what its Type= calls started.
func (c *cycle) startMain(deadline time.Time) string {
	switch c.cfg.Type {
	case "oneshot":
		for _, command := range c.cfg.Start {
			if result := c.spawnMain(command); result != "success" {
				if command.IgnoreFailure {
					continue
				}
				return result
			}
			switch c.await(deadline, true, func() bool { return c.mainStatus != nil }) {
			case timedOut:
				return c.timeout("start")
			case stopped:
				return "success"
			}
			if result := c.mainResult(); result != "success" && !command.IgnoreFailure {
				return result
			}
		}
		return "success"
	case "forking":
		if result := c.runControl(c.cfg.Start[0], "start", deadline, true); result != "success" || c.stopAsked {
			return result
		}
		return c.findMain(deadline)
	}
	if result := c.spawnMain(c.cfg.Start[0]); result != "success" {
		if c.cfg.Type == "simple" || c.cfg.Type == "idle" {
			// The start of a simple service succeeds before its program is even executed.
			answer(c.starts, nil)
			c.starts = nil
		}
		return result
	}
	if c.cfg.Type == "notify" || c.cfg.Type == "notify-reload" {
		switch c.await(deadline, true, func() bool { return c.ready || c.mainStatus != nil }) {
		case timedOut:
			return c.timeout("start")
		case stopped:
			return "success"
		}
		if !c.ready {
			if result := c.mainResult(); result != "success" {
				return result
			}
			c.s.m.log(journal.Warning, c.s.name, "%s: It ended without having reported that it was ready.", c.s.name)
			return "protocol"
		}
	}
	return "success"
}

// findMain learns which process is the main one after a forking service's first process has ended well.
func (c *cycle) findMain(deadline time.Time) string {
	if c.cfg.PIDFile == "" {
		if below := keeper.Below(c.keeper.PID); c.cfg.GuessMainPID && len(below) == 1 {
			c.adoptMain(below[0].PID)
		}
		return "success"
	}
	read := func() bool {
		text, err := os.ReadFile(c.cfg.PIDFile)
		if err != nil {
			return false
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || keeper.AncestorIn(pid, map[int]bool{c.keeper.PID: true}) == 0 {
			return false
		}
		c.adoptMain(pid)
		return true
	}
	// The file may be written a moment after the first process has ended.
	for !read() {
		switch {
		case !c.populated:
			return "protocol"
		case time.Now().After(deadline):
			c.s.m.log(journal.Warning, c.s.name, "%s: Can't read a process of the service from PID file %s.", c.s.name, c.cfg.PIDFile)
			return c.timeout("start")
		}
		soon := time.Now().Add(20 * time.Millisecond)
		if c.await(soon, true, func() bool { return !c.populated }) == stopped {
			return "success"
		}
	}
	return "success"
}
