package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Start makes a process of init's own (so that init can reap it) with the given files as 0, 1, 2 and 3.
type Start func(argv []string, files []*os.File) (pid int, err error)

// Keeper is init's end of one keeper.
type Keeper struct {
	PID int
	// Exits delivers the end of every process of the service; it is closed when the keeper is gone.
	Exits <-chan Exited

	control *os.File
	started chan Started
	sending sync.Mutex
}

// Open starts a keeper for a service. stdin, stdout and stderr are what the service's programs get.
func Open(unit string, setup Setup, stdio [3]*os.File, start Start) (*Keeper, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "keeper"), os.NewFile(uintptr(pair[1]), "keeper")
	defer theirs.Close()
	pid, err := start([]string{"systemd-keeper", unit}, []*os.File{stdio[0], stdio[1], stdio[2], theirs})
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the keeper of %s: %w", unit, err)
	}
	reported, exits := make(chan Exited), make(chan Exited)
	k := &Keeper{PID: pid, Exits: exits, control: ours, started: make(chan Started, 1)}
	go k.receive(reported)
	go queue(reported, exits)
	return k, k.send(Request{Setup: &setup})
}

// Run starts one program; it returns once the program has been executed, or why it couldn't be.
func (k *Keeper) Run(spec Spec) Started {
	if err := k.send(Request{Run: &spec}); err != nil {
		return Started{Error: err.Error(), Stage: 203}
	}
	started, open := <-k.started
	if !open {
		return Started{Error: "the service's keeper is gone", Stage: 203}
	}
	return started
}

// Close lets the keeper end once the last process below it has.
func (k *Keeper) Close() {
	// A keeper that is gone already needs no telling.
	_ = k.send(Request{Done: true})
}

func (k *Keeper) send(request Request) error {
	message, err := json.Marshal(request)
	if err != nil {
		return err
	}
	k.sending.Lock()
	defer k.sending.Unlock()
	_, err = k.control.Write(message)
	return err
}

// queue passes everything on in order and never makes the sender wait: whoever reads the exits may at the same time be
// waiting in Run, for a report that comes after them.
func queue(in <-chan Exited, out chan<- Exited) {
	defer close(out)
	var waiting []Exited
	for in != nil || len(waiting) > 0 {
		var next Exited
		var ready chan<- Exited // nil, and so never chosen, while nothing is waiting
		if len(waiting) > 0 {
			next, ready = waiting[0], out
		}
		select {
		case exit, open := <-in:
			if open {
				waiting = append(waiting, exit)
			} else {
				in = nil
			}
		case ready <- next:
			waiting = waiting[1:]
		}
	}
}

func (k *Keeper) receive(exits chan<- Exited) {
	defer k.control.Close()
	defer close(exits)
	defer close(k.started)
	buffer := make([]byte, 64*1024)
	for {
		n, err := k.control.Read(buffer)
		if n == 0 || err != nil {
			return
		}
		var report Report
		if json.Unmarshal(buffer[:n], &report) != nil {
			return
		}
		if report.Started != nil {
			k.started <- *report.Started
		}
		if report.Exited != nil {
			exits <- *report.Exited
		}
	}
}
