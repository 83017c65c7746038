// Package manager is init: it starts the machine's services in order, keeps them running, answers systemctl, writes
// the journal, and takes everything down again.
package manager

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// node is a unit that init has something to do with. Its fields are guarded by Manager.mu.
type node struct {
	name                                                              string // never changes
	unit                                                              *unit.Unit
	active, sub, result                                               string
	condition                                                         string // the unmet one that kept it from starting
	stateChange, activeEnter, activeExit, inactiveEnter, inactiveExit int64
	service                                                           *service // nil for a target
}

// Manager is init's state.
type Manager struct {
	mu      sync.Mutex
	loader  *unit.Loader
	nodes   map[string]*node
	aliases map[string]string
	keepers map[int]string // pid of each keeper, to the name of its unit

	reaper   *reaper
	runDir   string // for sockets: /run/systemd
	journal  *journal.Writer
	booting  bool
	halting  bool
	shutdown chan powerAction
}

type powerAction int

const (
	powerOff powerAction = iota
	reboot
)

func (a powerAction) target() string {
	if a == reboot {
		return "reboot.target"
	}
	return "poweroff.target"
}

// Run boots the machine that the process is the first process of. It returns only if that fails.
func Run() error {
	prepareRun()
	machine := unit.ReadMachine("")
	hostname, err := os.ReadFile("/etc/hostname")
	if err == nil {
		machine.Hostname = strings.TrimSpace(string(hostname))
		if err := syscall.Sethostname([]byte(machine.Hostname)); err != nil {
			fmt.Fprintf(os.Stderr, "set the host name: %v\n", err)
		}
	}
	writer, err := journal.Open("", machine.BootID)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	m := newManager(&unit.Loader{Machine: machine}, writer, "/run/systemd")
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGPWR,
		syscall.Signal(34+3), syscall.Signal(34+4), syscall.Signal(34+5))
	if err := m.listenSyslog(); err != nil {
		return fmt.Errorf("listen for log messages: %w", err)
	}
	listener, err := control.Listen()
	if err != nil {
		return fmt.Errorf("listen for systemctl: %w", err)
	}
	go control.Serve(listener, m.handle)
	go m.boot()

	for {
		select {
		case s := <-signals:
			if s == syscall.SIGINT || s == syscall.Signal(34+5) { // what ctrl-alt-del and `kill -RTMIN+5 1` send
				m.shutdown <- reboot
			} else {
				m.shutdown <- powerOff
			}
		case action := <-m.shutdown:
			return m.halt(action)
		}
	}
}

func newManager(loader *unit.Loader, writer *journal.Writer, runDir string) *Manager {
	return &Manager{
		loader:   loader,
		nodes:    map[string]*node{},
		aliases:  map[string]string{},
		keepers:  map[int]string{},
		reaper:   newReaper(),
		runDir:   runDir,
		journal:  writer,
		booting:  true,
		shutdown: make(chan powerAction, 4),
	}
}

func (m *Manager) boot() {
	began := time.Now()
	m.log(journal.Info, "", "Booting %s.", m.loader.Machine.Hostname)
	for _, result := range m.start([]string{"default.target"}, false) {
		if result.Error != "" {
			m.log(journal.Error, "", "%s", result.Error)
		}
	}
	m.mu.Lock()
	m.booting = false
	m.mu.Unlock()
	m.log(journal.Info, "", "Startup finished in %s.", time.Since(began).Round(time.Millisecond))
}

// log writes a message of init's own about a unit (or "" for none) to the journal and the console.
func (m *Manager) log(priority int, about, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	m.journal.Write(journal.Entry{Unit: about, Identifier: "systemd", PID: 1, Priority: priority, Message: message})
	fmt.Fprintln(os.Stderr, message)
}

// get gives the node of a unit under any of its names, reading the unit if it is new or idle. A unit that is running
// or has failed stays as it was read until daemon-reload, as in systemd.
func (m *Manager) get(name string) *node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.getLocked(name)
}

func (m *Manager) getLocked(name string) *node {
	if real, ok := m.aliases[name]; ok {
		if n := m.nodes[real]; n.active != "inactive" || n.service != nil && n.service.busy {
			return n
		}
	}
	return m.read(name)
}

func (m *Manager) read(name string) *node {
	u := m.loader.Load(name)
	if n := m.nodes[u.Name]; n != nil {
		m.aliases[name] = u.Name
		// What runs keeps its definition when its file is gone.
		if u.Load != unit.NotFound || n.active == "inactive" || n.active == "failed" {
			n.unit = u
			if n.service != nil {
				n.service.configure(u)
			}
		}
		return n
	}
	n := &node{name: u.Name, unit: u, active: "inactive", sub: "dead", result: "success"}
	if unit.TypeOf(u.Name) == "service" {
		n.service = newService(m, n)
		n.service.configure(u)
	}
	if u.Load == unit.NotFound {
		return n // not kept: it may appear
	}
	m.nodes[u.Name] = n
	m.aliases[u.Name], m.aliases[name] = u.Name, u.Name
	return n
}

// reload reads every unit again.
func (m *Manager) reload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.aliases = map[string]string{}
	for name, n := range m.nodes {
		m.aliases[name] = name
		m.read(name)
		if n.unit.Load == unit.NotFound && n.active == "inactive" && !(n.service != nil && n.service.busy) {
			delete(m.nodes, name)
			delete(m.aliases, name)
		}
	}
}

// set changes a node's state and the times that belong to it.
func (m *Manager) set(n *node, active, sub string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now().UnixMicro()
	if n.active != active {
		n.stateChange = now
		wasUp, isUp := isUp(n.active), isUp(active)
		wasDown, isDown := isDown(n.active), isDown(active)
		switch {
		case !wasUp && isUp:
			n.activeEnter = now
		case wasUp && !isUp:
			n.activeExit = now
		}
		switch {
		case wasDown && !isDown:
			n.inactiveExit = now
		case !wasDown && isDown:
			n.inactiveEnter = now
		}
	} else if n.sub != sub {
		n.stateChange = now
	}
	n.active, n.sub = active, sub
}

func isUp(active string) bool   { return active == "active" || active == "reloading" }
func isDown(active string) bool { return active == "inactive" || active == "failed" }

// definition is what the unit's files said when they were last read.
func (m *Manager) definition(n *node) *unit.Unit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return n.unit
}

func (m *Manager) state(n *node) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return n.active
}
