package manager

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// cycle is one run of a service, from the conditions before its start to ExecStopPost=. It belongs to the service's
// goroutine.
type cycle struct {
	s   *service
	cfg *unit.Service
	who account

	keeper    *keeper.Keeper
	exits     <-chan keeper.Exited
	exited    map[int]syscall.WaitStatus // of control processes
	populated bool                       // the service has processes

	notifySocket *net.UnixConn
	notices      chan notice
	ready        bool // READY=1 came
	reloading    bool

	invocationID string
	variables    []string // of the service's folders
	mainPID      int
	controlPID   int
	mainStatus   *syscall.WaitStatus
	lastResult   string // for ExecStopPost=

	starts    []chan error // wait for it to be up
	stops     []chan error // wait for it to be down
	again     []chan error // asked for a start while it was going down
	stopAsked bool
	goingDown bool
}

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

func newCycle(s *service, starts []chan error) *cycle {
	cfg, _ := s.config()
	return &cycle{s: s, cfg: cfg, starts: starts, exited: map[int]syscall.WaitStatus{}, invocationID: randomID(), notices: make(chan notice, 16)}
}

// run runs the service once and says how that went and whether Restart= asks for another go.
func (c *cycle) run() (result string, restart bool) {
	if proceed, result := c.precheck(); !proceed {
		return result, false
	}
	s := c.s
	s.update(func() {
		s.mainExit, s.mainPID, s.controlPID, s.lastMainPID, s.statusText, s.mainStart = nil, 0, 0, 0, "", 0
		s.invocationID, s.n.condition, s.n.result = c.invocationID, "", "success"
	})
	s.identify(c.cfg)
	s.m.set(s.n, "activating", "start")
	result = c.open()
	if result == "success" {
		result = c.bringUp()
	}
	if result == "success" && !c.stopAsked {
		s.m.log(journal.Info, s.name, "%s %s.", c.startedWord(), s.title())
		if c.cfg.Type != "oneshot" || c.cfg.RemainAfterExit {
			c.up()
		}
		answer(c.starts, nil)
		c.starts = nil
		result = c.stay()
	} else if result != "exec-condition" && !c.stopAsked {
		s.m.log(journal.Error, s.name, "Failed to start %s.", s.title())
	}
	result = c.takeDown(result)
	switch {
	case len(c.starts) == 0:
	case result == "exec-condition":
		answer(c.starts, nil)
	case c.stopAsked && result == "success":
		answer(c.starts, errors.New("Job for "+s.name+" canceled."))
	default:
		answer(c.starts, s.startError(result))
	}
	answer(c.stops, nil)
	return result, !c.stopAsked && len(c.again) == 0 && c.restartDue(result) && !s.m.isHalting()
}

// precheck judges the unit's conditions and assertions. Without proceed, the start requests have been answered.
func (c *cycle) precheck() (proceed bool, result string) {
	s := c.s
	_, err := s.config()
	s.m.mu.Lock()
	u := s.n.unit
	s.m.mu.Unlock()
	switch {
	case err != nil || c.cfg == nil:
		answer(c.starts, fmt.Errorf("Failed to start %s: %s\nSee system logs and 'systemctl status %s' for details.", s.name, u.Error, s.name))
		return false, "success"
	case s.m.isHalting():
		answer(c.starts, fmt.Errorf("Failed to start %s: the machine is shutting down.", s.name))
		return false, "success"
	}
	if unmet := u.UnmetCondition(); unmet != "" {
		s.update(func() { s.n.condition = unmet })
		s.m.log(journal.Info, s.name, "%s - %s was skipped because of an unmet condition check (%s).", s.name, u.Description(), unmet)
		answer(c.starts, nil)
		return false, "success"
	}
	if unmet := u.UnmetAssertion(); unmet != "" {
		s.m.log(journal.Error, s.name, "%s: Starting requested but asserts failed.", s.name)
		answer(c.starts, fmt.Errorf("Assertion failed on job for %s.", s.name))
		return false, "assert"
	}
	return true, ""
}

func (c *cycle) startedWord() string {
	if c.cfg.Type == "oneshot" && !c.cfg.RemainAfterExit {
		return "Finished"
	}
	return "Started"
}

// open makes everything that the service's programs need before the first of them runs.
func (c *cycle) open() string {
	s := c.s
	fail := func(err error) string {
		var staged stageError
		if errors.As(err, &staged) {
			c.noteMainExit(syscall.WaitStatus(staged.stage << 8))
			s.m.log(journal.Error, s.name, "%s: %s", s.name, err)
			return "exit-code"
		}
		s.m.log(journal.Error, s.name, "%s: %s", s.name, err)
		return "resources"
	}
	var err error
	if c.who, err = resolveAccount(c.cfg); err != nil {
		return fail(err)
	}
	if c.variables, err = makeDirectories(c.cfg, c.who); err != nil {
		return fail(err)
	}
	if c.notifies() {
		path := c.notifyPath()
		if c.notifySocket, err = listenDatagrams(path); err != nil {
			return fail(err)
		}
		go receiveNotices(c.notifySocket, c.notices)
	}
	stdio, err := s.openStdio(c.cfg, c.who)
	defer func() {
		for _, file := range stdio {
			if file != nil {
				file.Close() // some may be one and the same: closing twice is refused and harmless
			}
		}
	}()
	if err != nil {
		return fail(err)
	}
	setup := keeper.Setup{UMask: c.cfg.UMask, Nice: c.cfg.Nice, OOMScoreAdjust: c.cfg.OOMScoreAdjust, Limits: c.cfg.Limits}
	if c.keeper, err = keeper.Open(s.name, setup, stdio, s.m.reaper.start); err != nil {
		return fail(err)
	}
	c.exits = c.keeper.Exits
	s.m.mu.Lock()
	s.m.keepers[c.keeper.PID] = s.name
	s.keeperPID = c.keeper.PID
	s.m.mu.Unlock()
	return "success"
}

func (c *cycle) notifies() bool {
	access := c.cfg.NotifyAccess
	return c.cfg.Type == "notify" || c.cfg.Type == "notify-reload" || access != "" && access != "none"
}

func (c *cycle) notifyPath() string { return filepath.Join(c.s.m.runDir, "notify", c.s.name) }

func receiveNotices(connection *net.UnixConn, notices chan<- notice) {
	defer close(notices)
	buffer := make([]byte, 16*1024)
	for {
		text, sender, err := receiveDatagram(connection, buffer)
		if err != nil {
			return
		}
		notices <- notice{sender, text}
	}
}

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

// up marks the service as active.
func (c *cycle) up() {
	sub := "running"
	if c.mainPID == 0 && (c.cfg.Type == "oneshot" || !c.populated) {
		sub = "exited"
	}
	c.s.m.set(c.s.n, "active", sub)
}

// stay waits until the service ends or is to be stopped, and gives its result.
func (c *cycle) stay() string {
	if c.cfg.Type == "oneshot" && !c.cfg.RemainAfterExit {
		return "success"
	}
	ended := func() bool {
		if c.mainPID != 0 {
			return false
		}
		return c.mainStatus != nil || !c.populated
	}
	if c.await(time.Time{}, true, func() bool { return c.cfg.Type != "oneshot" && ended() }) == stopped {
		return "success"
	}
	result := "success"
	if c.mainStatus != nil {
		result = c.mainResult()
	}
	if result == "success" && c.cfg.RemainAfterExit {
		c.s.m.set(c.s.n, "active", "exited")
		c.await(time.Time{}, true, func() bool { return false })
	}
	return result
}

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

func (c *cycle) mainResult() string {
	if c.mainStatus == nil {
		return "success"
	}
	return resultOf(*c.mainStatus, c.cfg.SuccessStatus, c.cfg.Type != "oneshot")
}

// resultOf judges how a process ended. A daemon may end by one of the signals that are used to end daemons.
func resultOf(status syscall.WaitStatus, successes unit.ExitSet, daemon bool) string {
	if status == 0 || successes.Holds(status) {
		return "success"
	}
	if status.Exited() {
		return "exit-code"
	}
	if daemon {
		switch status.Signal() {
		case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
			return "success"
		}
	}
	if status.CoreDump() {
		return "core-dump"
	}
	return "signal"
}

func (c *cycle) restartDue(result string) bool {
	if c.mainStatus != nil {
		if c.cfg.RestartPrevents.Holds(*c.mainStatus) {
			return false
		}
		if c.cfg.RestartForces.Holds(*c.mainStatus) {
			return true
		}
	}
	if result == "exec-condition" {
		return false
	}
	switch c.cfg.Restart {
	case "always":
		return true
	case "on-success":
		return result == "success"
	case "on-failure":
		return result != "success"
	case "on-abnormal":
		return result != "success" && result != "exit-code"
	case "on-abort":
		return result == "signal" || result == "core-dump"
	}
	return false
}

func exitOf(status syscall.WaitStatus) control.Exit {
	switch {
	case status.Exited():
		return control.Exit{Code: "exited", Status: status.ExitStatus()}
	case status.CoreDump():
		return control.Exit{Code: "dumped", Status: int(status.Signal())}
	}
	return control.Exit{Code: "killed", Status: int(status.Signal())}
}

// describe writes `code=exited, status=1/FAILURE`.
func describe(status syscall.WaitStatus) string {
	exit := exitOf(status)
	if exit.Code == "exited" {
		return "code=exited, status=" + unit.ExitStatusName(exit.Status)
	}
	return fmt.Sprintf("code=%s, status=%d/%s", exit.Code, exit.Status, unit.SignalName(syscall.Signal(exit.Status)))
}

// deadlineIn gives the moment in d, or none for unit.Infinity.
func deadlineIn(d time.Duration) time.Time {
	if d == unit.Infinity {
		return time.Time{}
	}
	return time.Now().Add(d)
}
