// Package machine is what a virtual machine stands on: it gives init namespaces and a root of its own, starts it
// again after a reboot, and is its power switch.
package machine

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// rebootGrace is how long a machine may take to go down for a reboot or power-off asked for from outside.
const rebootGrace = 60 * time.Second

// Main runs one machine until SIGTERM.
func Main(args []string) error {
	flags := flag.NewFlagSet("machine", flag.ContinueOnError)
	base := flags.String("base", "", "the base system's folder, left unchanged")
	diskPath := flags.String("disk", "", "the folder for what the machine changes")
	socket := flags.String("control", "", "the unix socket of the power switch")
	grace := flags.Duration("grace", 2*time.Second, "how long the machine may take to shut down on SIGTERM")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *base == "" || *diskPath == "" || *socket == "" {
		return errors.New("machine: --base, --disk and --control are needed")
	}
	// The machine dies with this thread (PDEATHSIG), so it is started from one that lives as long as the process.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	orders, err := listen(*socket)
	if err != nil {
		return fmt.Errorf("open the power switch %s: %w", *socket, err)
	}
	m := &host{base: *base, disk: *diskPath, signals: signals}
	if err := m.start(); err != nil {
		return err
	}
	for {
		select {
		case <-signals:
			m.shutDown(syscall.SIGTERM, *grace)
			// Nothing is left that could use it.
			_ = os.Remove(*socket)
			return nil
		case status := <-m.ended:
			if err := m.afterEnd(status); err != nil {
				return err
			}
		case o := <-orders:
			o.answer <- m.obey(o.word)
		}
	}
}

// host is one machine, as its host sees it.
type host struct {
	base, disk string
	process    *os.Process // nil while it is off
	ended      chan syscall.WaitStatus
	boots      int
	signals    chan os.Signal
}

func (m *host) start() error {
	command := exec.Command("/proc/self/exe", m.base, m.disk)
	command.Args[0] = "machine-boot"
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	// Over a pipe, so that no file of the host's is open inside.
	console, err := command.StderrPipe()
	if err != nil {
		return err
	}
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the machine: %w", err)
	}
	m.boots++
	m.process = command.Process
	ended := make(chan syscall.WaitStatus, 1)
	m.ended = ended
	go func() {
		// The console's end is the machine's end; how it ended comes from Wait.
		_, _ = io.Copy(os.Stderr, console)
		_ = command.Wait()
		status, ok := command.ProcessState.Sys().(syscall.WaitStatus)
		if !ok {
			status = 0
		}
		ended <- status
	}()
	return nil
}

// afterEnd does what the way the machine ended asks for. The kernel ends a process-id namespace whose init called
// reboot(2) with SIGHUP for a restart and SIGINT for power-off.
func (m *host) afterEnd(status syscall.WaitStatus) error {
	m.process, m.ended = nil, nil
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGHUP:
		fmt.Fprintln(os.Stderr, "machine: reboot")
		return m.start()
	case status.Signaled() && (status.Signal() == syscall.SIGINT || status.Signal() == syscall.SIGKILL):
		fmt.Fprintln(os.Stderr, "machine: off")
		return nil
	}
	return fmt.Errorf("machine: its init ended by itself (wait status %#x); what it said is above", int(status))
}

// shutDown asks init to go down and kills the machine if it takes longer than grace.
func (m *host) shutDown(how syscall.Signal, grace time.Duration) syscall.WaitStatus {
	if m.process == nil {
		return 0
	}
	// ESRCH: it has just ended.
	_ = m.process.Signal(how)
	select {
	case status := <-m.ended:
		return status
	case <-time.After(grace):
	case s := <-m.signals: // the whole lab goes down: no time to lose, and the signal still counts afterwards
		m.signals <- s
	}
	_ = m.process.Kill()
	return <-m.ended
}

func (m *host) obey(word string) string {
	done := func(err error) string {
		if err != nil {
			return "error: " + err.Error()
		}
		return "ok"
	}
	on := m.process != nil
	switch word {
	case "status":
		pid := 0
		if on {
			pid = m.process.Pid
		}
		text, err := json.Marshal(map[string]any{"on": on, "pid": pid, "boots": m.boots})
		if err != nil {
			return done(err)
		}
		return string(text)
	case "start":
		if on {
			return "ok"
		}
		return done(m.start())
	case "reboot":
		m.shutDown(syscall.SIGINT, rebootGrace)
		m.process, m.ended = nil, nil
		return done(m.start())
	case "poweroff":
		m.shutDown(syscall.SIGTERM, rebootGrace)
		m.process, m.ended = nil, nil
		return "ok"
	case "kill", "reset": // what pulling the plug does
		if on {
			_ = m.process.Kill()
			<-m.ended
			m.process, m.ended = nil, nil
		}
		if word == "reset" {
			return done(m.start())
		}
		return "ok"
	}
	return "error: the power switch knows status, start, reboot, poweroff, kill and reset, not " + word
}

type order struct {
	word   string
	answer chan string
}

// listen takes one word per connection and gives one line back once it has been done.
func listen(path string) (<-chan order, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	orders := make(chan order)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				word, err := bufio.NewReader(connection).ReadString('\n')
				if err != nil {
					return
				}
				o := order{strings.TrimSpace(word), make(chan string, 1)}
				orders <- o
				fmt.Fprintln(connection, <-o.answer)
			}()
		}
	}()
	return orders, nil
}
