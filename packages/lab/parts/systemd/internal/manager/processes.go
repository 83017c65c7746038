package manager

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// runControl runs a program beside the main one and waits for its end.
func (c *cycle) runControl(command unit.Command, phase string, deadline time.Time, obeyStop bool) string {
	s := c.s
	pid, result := c.spawn(command, phase)
	if result != "success" {
		if command.IgnoreFailure {
			return "success"
		}
		return result
	}
	c.controlPID = pid
	s.update(func() { s.controlPID = pid })
	defer s.update(func() { s.controlPID = 0 })
	ended := func() bool { _, ok := c.exited[pid]; return ok }
	switch c.await(deadline, obeyStop, ended) {
	case stopped:
		return "success"
	case timedOut:
		s.m.log(journal.Warning, s.name, "%s: %s operation timed out. Terminating.", s.name, phase)
		if !obeyStop { // nothing after this will end it
			c.signal(pid, syscall.SIGKILL)
			c.await(deadlineIn(5*time.Second), false, ended)
		}
		return "timeout"
	}
	status := c.exited[pid]
	result = resultOf(status, c.cfg.SuccessStatus, false)
	if result != "success" {
		s.m.log(journal.Notice, s.name, "%s: Control process exited, %s", s.name, describe(status))
		if command.IgnoreFailure {
			return "success"
		}
	}
	return result
}

func (c *cycle) lastControl() (syscall.WaitStatus, bool) {
	status, ended := c.exited[c.controlPID]
	return status, ended
}

func (c *cycle) spawnMain(command unit.Command) string {
	pid, result := c.spawn(command, "start")
	if result == "success" {
		c.adoptMain(pid)
	}
	return result
}

func (c *cycle) adoptMain(pid int) {
	c.mainPID, c.mainStatus = pid, nil
	c.s.update(func() { c.s.mainPID, c.s.lastMainPID, c.s.mainStart = pid, pid, time.Now().UnixMicro() })
	if status, ended := c.exited[pid]; ended {
		c.noteMainExit(status)
	}
}

// spawn starts one program of the service.
func (c *cycle) spawn(command unit.Command, phase string) (pid int, result string) {
	s := c.s
	failed := func(stage int, err error) (int, string) {
		s.m.log(journal.Error, s.name, "%s: %v", s.name, err)
		if phase == "start" {
			c.noteMainExit(syscall.WaitStatus(stage << 8))
		}
		return 0, "exit-code"
	}
	env, err := environment(c.cfg, c.who, c.addedVariables(phase))
	if err != nil {
		s.m.log(journal.Error, s.name, "%s: %v", s.name, err)
		return 0, "resources"
	}
	path, err := findProgram(command.Path)
	if err != nil {
		return failed(203, err)
	}
	spec := keeper.Spec{Path: path, Argv: command.Argv(lookupIn(env)), Env: env, Dir: "/"}
	if dir := c.cfg.WorkingDirectory; dir != "" {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || !c.cfg.WorkingDirectoryOptional {
			spec.Dir = dir
		}
	}
	if !command.Privileged {
		spec.UID, spec.GID, spec.Groups = c.who.uid, c.who.gid, c.who.groups
		spec.Ambient, spec.NoNewPrivileges = c.cfg.AmbientCapabilities, c.cfg.NoNewPrivileges
	}
	started := c.keeper.Run(spec)
	if started.Error != "" {
		return failed(started.Stage, errors.New(started.Error))
	}
	c.populated = true
	delete(c.exited, started.PID) // an earlier process of the same number
	return started.PID, "success"
}

func (c *cycle) addedVariables(phase string) []string {
	added := append([]string{"INVOCATION_ID=" + c.invocationID}, c.variables...)
	if c.notifySocket != nil {
		added = append(added, "NOTIFY_SOCKET="+c.notifyPath())
	}
	if c.mainPID != 0 && phase != "start" {
		added = append(added, "MAINPID="+strconv.Itoa(c.mainPID))
	}
	if c.cfg.PIDFile != "" {
		added = append(added, "PIDFILE="+c.cfg.PIDFile)
	}
	if phase == "stop" || phase == "stop-post" {
		added = append(added, "SERVICE_RESULT="+c.lastResult)
		if c.mainStatus != nil {
			exit := exitOf(*c.mainStatus)
			status := strconv.Itoa(exit.Status)
			if exit.Code != "exited" {
				status = unit.SignalName(syscall.Signal(exit.Status))
			}
			added = append(added, "EXIT_CODE="+exit.Code, "EXIT_STATUS="+status)
		}
	}
	return added
}
