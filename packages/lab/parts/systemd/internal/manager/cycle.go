package manager

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"time"

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
	refusal   error        // what those who still wait for it to be up are told, nil where its conditions skipped it
	stops     []chan error // wait for it to be down
	again     []chan error // asked for a start while it was going down
	stopAsked bool
	goingDown bool
}

func newCycle(s *service, starts []chan error) *cycle {
	cfg, _ := s.config()
	return &cycle{s: s, cfg: cfg, starts: starts, exited: map[int]syscall.WaitStatus{}, invocationID: randomID(), notices: make(chan notice, 16)}
}

// run runs the service once and says how that went and whether Restart= asks for another go. Who waits for the end of
// it is told by reply, once the caller has recorded the service's new state.
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
			answer(c.starts, nil)
			c.starts = nil
		}
		result = c.stay()
	} else if result != "exec-condition" && !c.stopAsked {
		s.m.log(journal.Error, s.name, "Failed to start %s.", s.title())
	}
	result = c.takeDown(result)
	switch {
	case result == "exec-condition", result == "success" && !c.stopAsked:
	case c.stopAsked && result == "success":
		c.refusal = errors.New("Job for " + s.name + " canceled.")
	default:
		c.refusal = s.startError(result)
	}
	return result, !c.stopAsked && len(c.again) == 0 && c.restartDue(result) && !s.m.isHalting()
}

// reply answers those who wait for the service to be up or down. It comes after the service's state was set: who asks
// for the state next must find it.
func (c *cycle) reply() {
	answer(c.starts, c.refusal)
	answer(c.stops, nil)
}

// precheck judges the unit's conditions and assertions. Without proceed, refusal says what the start requests get.
func (c *cycle) precheck() (proceed bool, result string) {
	s := c.s
	_, err := s.config()
	s.m.mu.Lock()
	u := s.n.unit
	s.m.mu.Unlock()
	switch {
	case err != nil || c.cfg == nil:
		c.refusal = fmt.Errorf("Failed to start %s: %s\nSee system logs and 'systemctl status %s' for details.", s.name, u.Error, s.name)
		return false, "success"
	case s.m.isHalting():
		c.refusal = fmt.Errorf("Failed to start %s: the machine is shutting down.", s.name)
		return false, "success"
	}
	if unmet := u.UnmetCondition(); unmet != "" {
		s.update(func() { s.n.condition = unmet })
		s.m.log(journal.Info, s.name, "%s - %s was skipped because of an unmet condition check (%s).", s.name, u.Description(), unmet)
		return false, "success"
	}
	if unmet := u.UnmetAssertion(); unmet != "" {
		s.m.log(journal.Error, s.name, "%s: Starting requested but asserts failed.", s.name)
		c.refusal = fmt.Errorf("Assertion failed on job for %s.", s.name)
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
