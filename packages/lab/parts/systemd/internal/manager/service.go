package manager

import (
	"errors"
	"path/filepath"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

type verb int

const (
	verbStart verb = iota
	verbStop
	verbReload
)

type request struct {
	verb  verb
	reply chan error
}

// service runs one service unit. All that happens to it happens in the one goroutine of live, in order; what others
// may read is guarded by Manager.mu.
type service struct {
	m        *Manager
	n        *node
	name     string
	requests chan request

	// guarded by m.mu
	cfg          *unit.Service
	cfgError     error
	reported     map[string]bool // problems of the unit file that were logged
	busy         bool            // between a start request and the end of everything that came of it
	mainPID      int
	controlPID   int
	lastMainPID  int
	keeperPID    int
	identifier   string
	statusText   string
	restarts     int
	mainStart    int64
	mainExit     *control.Exit
	invocationID string
	forgiven     bool // by reset-failed: the start limit counts anew

	recentStarts []time.Time // of live only
}

func newService(m *Manager, n *node) *service {
	s := &service{m: m, n: n, name: n.name, requests: make(chan request), reported: map[string]bool{}}
	go s.live()
	return s
}

// configure takes over what a newly read unit file says. m.mu is held.
func (s *service) configure(u *unit.Unit) {
	if u.Load != unit.Loaded {
		s.cfg, s.cfgError = nil, errors.New(u.Error)
		return
	}
	cfg, problems, err := u.Service()
	if err != nil {
		s.cfgError = err
		u.Load, u.Error = unit.BadSetting, "Unit "+u.Name+" has a bad unit file setting."
	} else {
		s.cfgError = nil
	}
	s.cfg = cfg
	for _, problem := range problems {
		if text := problem.String(); !s.reported[text] {
			s.reported[text] = true
			s.m.journal.Write(journal.Entry{Unit: s.name, Identifier: "systemd", PID: 1, Priority: journal.Warning, Message: text})
		}
	}
	if err != nil && !s.reported[err.Error()] {
		s.reported[err.Error()] = true
		s.m.journal.Write(journal.Entry{Unit: s.name, Identifier: "systemd", PID: 1, Priority: journal.Error, Message: s.name + ": " + err.Error()})
	}
}

func (s *service) config() (*unit.Service, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.cfg, s.cfgError
}

// ask hands a request to the service and waits for its outcome.
func (s *service) ask(v verb) error {
	r := request{v, make(chan error, 1)}
	s.requests <- r
	return <-r.reply
}

// title is how messages name the service.
func (s *service) title() string {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if description := s.n.unit.Description(); description != s.name {
		return s.name + " - " + description
	}
	return s.name
}

// update changes what others may read.
func (s *service) update(change func()) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	change()
}

func (s *service) speaker() (identifier string, pid int) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.mainPID != 0 {
		pid = s.mainPID
	} else {
		pid = cmpOr(s.controlPID, s.lastMainPID)
	}
	return s.identifier, pid
}

// live is the service's whole life: it waits for a start, runs the service, restarts it as Restart= says, and waits
// again.
func (s *service) live() {
	for r := range s.requests {
		switch r.verb {
		case verbStop:
			r.reply <- nil // a failed one stays failed, as in systemd
		case verbReload:
			r.reply <- errors.New("Unit " + s.name + " is not active, cannot reload.")
		case verbStart:
			s.update(func() { s.busy, s.restarts = true, 0 })
			s.runUntilDown([]chan error{r.reply})
			s.update(func() { s.busy = false })
		}
	}
}

// runUntilDown runs the service, again and again as long as a restart is due.
func (s *service) runUntilDown(starts []chan error) {
	for {
		if !s.mayStart() {
			s.m.log(journal.Warning, s.name, "%s: Start request repeated too quickly.", s.name)
			s.finish("start-limit-hit")
			answer(starts, s.startError("start-limit-hit"))
			return
		}
		c := newCycle(s, starts)
		result, restart := c.run()
		if len(c.again) > 0 { // someone asked for a start while it was going down
			s.finish(result)
			c.reply()
			starts = c.again
			continue
		}
		if !restart {
			s.finish(result)
			c.reply()
			return
		}
		s.update(func() { s.n.result = result })
		s.m.set(s.n, "activating", "auto-restart")
		c.reply()
		timer := time.NewTimer(c.cfg.RestartSec)
		starts = nil
	waiting:
		for {
			select {
			case <-timer.C:
				break waiting
			case r := <-s.requests:
				switch r.verb {
				case verbStart:
					starts = append(starts, r.reply)
					timer.Stop()
					break waiting
				case verbStop:
					timer.Stop()
					s.finish("success")
					r.reply <- nil
					return
				default:
					r.reply <- errors.New("Unit " + s.name + " is not active, cannot reload.")
				}
			}
		}
		s.update(func() { s.restarts++ })
		s.m.log(journal.Info, s.name, "%s: Scheduled restart job, restart counter is at %d.", s.name, s.restarts)
	}
}

func answer(replies []chan error, err error) {
	for _, reply := range replies {
		reply <- err
	}
}

// mayStart enforces StartLimitIntervalSec= and StartLimitBurst=.
func (s *service) mayStart() bool {
	cfg, err := s.config()
	if err != nil || cfg.StartLimitInterval == 0 || cfg.StartLimitBurst == 0 {
		return true
	}
	s.update(func() {
		if s.forgiven {
			s.recentStarts, s.forgiven = nil, false
		}
	})
	now := time.Now()
	recent := s.recentStarts[:0]
	for _, at := range s.recentStarts {
		if now.Sub(at) < cfg.StartLimitInterval {
			recent = append(recent, at)
		}
	}
	s.recentStarts = recent
	if len(recent) >= cfg.StartLimitBurst {
		return false
	}
	s.recentStarts = append(s.recentStarts, now)
	return true
}

// finish puts the service to rest as failed or inactive.
func (s *service) finish(result string) {
	s.update(func() { s.n.result = result })
	switch result {
	case "success", "exec-condition":
		s.m.set(s.n, "inactive", "dead")
	default:
		s.m.set(s.n, "failed", "failed")
		s.m.log(journal.Warning, s.name, "%s: Failed with result '%s'.", s.name, result)
	}
}

// startError is what systemctl prints when a start has failed.
func (s *service) startError(result string) error {
	reason := map[string]string{
		"exit-code":       "the control process exited with error code",
		"signal":          "a fatal signal was delivered to the control process",
		"core-dump":       "a fatal signal was delivered causing the control process to dump core",
		"timeout":         "a timeout was exceeded",
		"resources":       "of unavailable resources or another system error",
		"protocol":        "the service did not take the steps required by its unit configuration",
		"start-limit-hit": "start of the service was attempted too often",
	}[result]
	if reason == "" {
		reason = "it was canceled"
	}
	hint := "See \"systemctl status " + s.name + "\" and \"journalctl -xeu " + s.name + "\" for details."
	if result == "start-limit-hit" {
		hint += "\nTo force a start use \"systemctl reset-failed " + s.name + "\"\nfollowed by \"systemctl start " + s.name + "\" again."
	}
	return errors.New("Job for " + s.name + " failed because " + reason + ".\n" + hint)
}

func (s *service) identify(cfg *unit.Service) {
	identifier := cfg.SyslogIdentifier
	if identifier == "" && len(cfg.Start) > 0 {
		identifier = filepath.Base(cfg.Start[0].Path)
	}
	s.update(func() { s.identifier = identifier })
}

// forgive forgets earlier starts, so that the start limit counts anew.
func (s *service) forgive() {
	s.update(func() { s.restarts, s.forgiven = 0, true })
}
