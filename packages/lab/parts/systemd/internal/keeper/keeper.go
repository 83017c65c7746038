// Package keeper runs the processes of one service and never loses any of them.
//
// systemd tells a service's processes from others by their control group. An ordinary user's lab has no control
// group that it may write, so here each running service has a keeper: a small process between init and the service
// that adopts its orphans (PR_SET_CHILD_SUBREAPER). Whatever a service forks, twice or more, stays below its keeper,
// and the keeper reports how each of them ended.
package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Spec is one program to run.
type Spec struct {
	Path   string   `json:"path"`
	Argv   []string `json:"argv"`
	Env    []string `json:"env"`
	Dir    string   `json:"dir"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
	// Capabilities that a program not run as root keeps.
	Ambient         []uintptr `json:"ambient,omitempty"`
	NoNewPrivileges bool      `json:"noNewPrivileges,omitempty"`
}

// Setup is what all programs of a service share; they inherit it from the keeper.
type Setup struct {
	UMask          int                 `json:"umask"`
	Nice           int                 `json:"nice"`
	OOMScoreAdjust *int                `json:"oomScoreAdjust,omitempty"`
	Limits         map[int]unix.Rlimit `json:"limits,omitempty"`
}

// Request goes from init to the keeper. Exactly one field is set.
type Request struct {
	Setup *Setup `json:"setup,omitempty"`
	Run   *Spec  `json:"run,omitempty"`
	// Done tells the keeper to end as soon as it has no process left.
	Done bool `json:"done,omitempty"`
}

// Report goes from the keeper to init.
type Report struct {
	// Started answers a Run: the new process, or why there is none.
	Started *Started `json:"started,omitempty"`
	// Exited says that a process of the service ended, and how.
	Exited *Exited `json:"exited,omitempty"`
}

type Started struct {
	PID   int    `json:"pid,omitempty"`
	Error string `json:"error,omitempty"`
	// Stage is where starting failed, as systemd's exit codes name it: 203 (EXEC), 200 (CHDIR), ….
	Stage int `json:"stage,omitempty"`
}

type Exited struct {
	PID    int                `json:"pid"`
	Status syscall.WaitStatus `json:"status"`
	// Last is set when no process is left below the keeper.
	Last bool `json:"last,omitempty"`
}

const controlFD = 3

// Run is the keeper's main loop; it ends with the process.
func Run() error {
	unix.CloseOnExec(controlFD)
	control := os.NewFile(controlFD, "control")
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of the service's orphans: %w", err)
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	requests := make(chan Request)
	go receive(control, requests)

	report := func(r Report) error {
		message, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = control.Write(message)
		return err
	}
	done := false
	for {
		select {
		case request, open := <-requests:
			switch {
			case !open: // init is gone, and everything else with it
				return nil
			case request.Done:
				done = true
			case request.Setup != nil:
				apply(*request.Setup)
			case request.Run != nil:
				started := start(*request.Run)
				if err := report(Report{Started: &started}); err != nil {
					return err
				}
			}
		case <-children:
		}
		last, exits := reap()
		for i, exit := range exits {
			exit.Last = last && i == len(exits)-1
			if err := report(Report{Exited: &exit}); err != nil {
				return err
			}
		}
		if done && last {
			return nil
		}
	}
}

func receive(control *os.File, requests chan<- Request) {
	defer close(requests)
	buffer := make([]byte, 1<<20)
	for {
		n, err := control.Read(buffer)
		if n == 0 || err != nil {
			return
		}
		var request Request
		if err := json.Unmarshal(buffer[:n], &request); err != nil {
			fmt.Fprintf(os.Stderr, "keeper: a request that can't be read: %v\n", err)
			return
		}
		requests <- request
	}
}

// reap collects every process that has ended. last says that none is left.
func reap() (last bool, exits []Exited) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err == syscall.ECHILD:
			return true, exits
		case err != nil || pid == 0:
			return false, exits
		case status.Exited() || status.Signaled():
			exits = append(exits, Exited{PID: pid, Status: status})
		}
	}
}

func apply(setup Setup) {
	warn := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "keeper: %s: %v\n", what, err)
		}
	}
	syscall.Umask(setup.UMask)
	for resource, limit := range setup.Limits {
		// An ordinary user's lab can't raise a hard limit; it then gives as much as it may.
		wanted := syscall.Rlimit{Cur: limit.Cur, Max: limit.Max}
		if err := syscall.Setrlimit(resource, &wanted); err != nil {
			var now syscall.Rlimit
			if syscall.Getrlimit(resource, &now) == nil {
				now.Cur = min(limit.Cur, now.Max)
				err = syscall.Setrlimit(resource, &now)
			}
			warn(fmt.Sprintf("set resource limit %d", resource), err)
		}
	}
	if setup.Nice != 0 {
		warn("set the nice level", syscall.Setpriority(syscall.PRIO_PROCESS, 0, setup.Nice))
	}
	if setup.OOMScoreAdjust != nil {
		warn("set the OOM score", os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*setup.OOMScoreAdjust)), 0))
	}
}

func start(spec Spec) Started {
	if info, err := os.Stat(spec.Dir); err != nil || !info.IsDir() {
		return Started{Error: fmt.Sprintf("Changing to the requested working directory failed: %s is no folder", spec.Dir), Stage: 200}
	}
	if !spec.NoNewPrivileges {
		return fork(spec)
	}
	// It holds for one thread and what is forked from it. The thread is never unlocked, so it ends with this goroutine
	// and serves no other program.
	result := make(chan Started)
	go func() {
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			result <- Started{Error: "Failed to set no_new_privs: " + err.Error(), Stage: 227}
			return
		}
		result <- fork(spec)
	}()
	return <-result
}

func fork(spec Spec) Started {
	attributes := &syscall.ProcAttr{
		Dir: spec.Dir, Env: spec.Env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true, AmbientCaps: spec.Ambient},
	}
	if spec.UID != 0 || spec.GID != 0 || len(spec.Groups) > 0 {
		attributes.Sys.Credential = &syscall.Credential{Uid: spec.UID, Gid: spec.GID, Groups: spec.Groups}
	}
	pid, err := syscall.ForkExec(spec.Path, spec.Argv, attributes)
	if err != nil {
		return Started{Error: fmt.Sprintf("Failed to execute %s: %v", spec.Path, err), Stage: 203}
	}
	return Started{PID: pid}
}
