// Package control is how systemctl speaks to init: one JSON request and one JSON answer per connection to a unix
// socket. Whoever may connect may ask; only root may change anything, by the kernel's word on who is connected.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"meshlift.dev/lab/parts/systemd/internal/keeper"
)

// Socket is where init listens.
const Socket = "/run/systemd/private"

// Request is what systemctl wants.
type Request struct {
	// Verb: start, stop, restart, try-restart, reload, reload-or-restart, try-reload-or-restart, kill, reset-failed,
	// daemon-reload, poweroff, reboot (changes); status, list (questions).
	Verb  string   `json:"verb"`
	Units []string `json:"units,omitempty"`
	// NoBlock: answer once it has been begun rather than done.
	NoBlock bool   `json:"noBlock,omitempty"`
	Signal  int    `json:"signal,omitempty"`
	Who     string `json:"who,omitempty"`
}

// Answer is what init says.
type Answer struct {
	// Error is set when the request as a whole was refused.
	Error   string   `json:"error,omitempty"`
	Denied  bool     `json:"denied,omitempty"`
	Results []Result `json:"results,omitempty"`
	Units   []Status `json:"units,omitempty"`
	// System is running, starting, stopping or degraded.
	System string `json:"system,omitempty"`
}

// Result is how a change went for one unit.
type Result struct {
	Unit  string `json:"unit"`
	Error string `json:"error,omitempty"`
	// Code is systemctl's exit code for it.
	Code int `json:"code,omitempty"`
	// Stale: the unit's file has changed since it was read.
	Stale bool `json:"stale,omitempty"`
}

// Status is everything that is known of one unit.
type Status struct {
	ID            string           `json:"id"`
	Description   string           `json:"description"`
	Documentation []string         `json:"documentation,omitempty"`
	LoadState     string           `json:"loadState"`
	LoadError     string           `json:"loadError,omitempty"`
	Path          string           `json:"path,omitempty"`
	DropIns       []string         `json:"dropIns,omitempty"`
	FileState     string           `json:"fileState,omitempty"`
	ActiveState   string           `json:"activeState"`
	SubState      string           `json:"subState"`
	Result        string           `json:"result"`
	StatusText    string           `json:"statusText,omitempty"`
	Condition     string           `json:"condition,omitempty"`
	Stale         bool             `json:"stale,omitempty"`
	Restarts      int              `json:"restarts"`
	MainPID       int              `json:"mainPid,omitempty"`
	MainName      string           `json:"mainName,omitempty"`
	ControlPID    int              `json:"controlPid,omitempty"`
	InvocationID  string           `json:"invocationId,omitempty"`
	Processes     []keeper.Process `json:"processes,omitempty"`
	MainExit      *Exit            `json:"mainExit,omitempty"`
	LastMainPID   int              `json:"lastMainPid,omitempty"`
	// Times in microseconds since 1970, 0 for never.
	StateChange   int64 `json:"stateChange,omitempty"`
	ActiveEnter   int64 `json:"activeEnter,omitempty"`
	ActiveExit    int64 `json:"activeExit,omitempty"`
	InactiveEnter int64 `json:"inactiveEnter,omitempty"`
	InactiveExit  int64 `json:"inactiveExit,omitempty"`
	MainStart     int64 `json:"mainStart,omitempty"`
	// Properties are further lines for `systemctl show`, in order.
	Properties [][2]string `json:"properties,omitempty"`
}

// Exit is how a main process ended.
type Exit struct {
	// Code is exited, killed or dumped, as systemd writes it; Status the exit code or signal.
	Code   string `json:"code"`
	Status int    `json:"status"`
	At     int64  `json:"at"`
}

// ErrNotRunning means that no init of ours listens: a chroot, or a machine still at its very start.
var ErrNotRunning = errors.New("System has not been booted with systemd as init system (PID 1). Can't operate.")

// Call asks init and waits for its answer.
func Call(request Request) (Answer, error) {
	connection, err := net.Dial("unix", Socket)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return Answer{}, ErrNotRunning
	}
	if err != nil {
		return Answer{}, fmt.Errorf("Failed to connect to init: %w", err)
	}
	defer connection.Close()
	if err := json.NewEncoder(connection).Encode(request); err != nil {
		return Answer{}, fmt.Errorf("Failed to ask init: %w", err)
	}
	var answer Answer
	if err := json.NewDecoder(connection).Decode(&answer); err != nil {
		return Answer{}, fmt.Errorf("init gave no answer: %w", err)
	}
	return answer, nil
}

// Listen opens the socket, for everyone to connect to.
func Listen() (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(Socket), 0o755); err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: Socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(Socket, 0o666)
}

// Serve answers requests until the listener is closed. handle is told whether the asker is root.
func Serve(listener *net.UnixListener, handle func(Request, bool) Answer) {
	for {
		connection, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			var request Request
			if json.NewDecoder(connection).Decode(&request) != nil {
				return
			}
			// An asker that has gone away needs no answer.
			_ = json.NewEncoder(connection).Encode(handle(request, isRoot(connection)))
		}()
	}
}

func isRoot(connection *net.UnixConn) bool {
	raw, err := connection.SyscallConn()
	if err != nil {
		return false
	}
	root := false
	err = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		root = err == nil && peer.Uid == 0
	})
	return err == nil && root
}
