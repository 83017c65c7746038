package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long output is still collected after the container's process has ended, for
// the case that somebody outside its process namespace holds the other end.
const drainTime = 2 * time.Second

// StartReport is the one line that a shim writes to its standard output.
type StartReport struct {
	Started *Started `json:"started,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// runContainer starts the container and stays with it until it has ended.
func runContainer(directory string) error {
	// One of these stays with every container: it should be small.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(20)
	// Later paths are relative, because a socket's path may have only 107 characters.
	if err := os.Chdir(directory); err != nil {
		return err
	}
	plan, err := readPlan(".")
	if err != nil {
		return err
	}
	container, started, err := startContainer(plan)
	if err != nil {
		return reportStart(StartReport{Error: err.Error()})
	}
	if err := writeJSON(startedFile, started); err != nil {
		return err
	}
	if err := reportStart(StartReport{Started: started}); err != nil {
		return err
	}
	return container.stayWith(plan)
}

// reportStart tells the runtime how the start went, and closes the pipe: the runtime may go away any time after.
func reportStart(report StartReport) error {
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return fmt.Errorf("report to the runtime: %w", err)
	}
	return os.Stdout.Close()
}

// Container is a running container as its shim sees it.
type Container struct {
	process *os.Process
	log     *LogFile
	streams *streams
	viewers *viewers
}

func startContainer(plan *ContainerPlan) (*Container, *Started, error) {
	log, err := openLog(plan.LogPath, time.Now)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	streams, err := openStreams(plan)
	if err != nil {
		return nil, nil, fmt.Errorf("open the standard streams: %w", err)
	}
	viewers, err := serveAttach(streams, plan.StdinOnce)
	if err != nil {
		return nil, nil, err
	}
	process, err := startInit(plan, streams)
	if err != nil {
		return nil, nil, err
	}
	startTime, err := processStartTime(process.Pid)
	if err != nil {
		return nil, nil, err
	}
	ownStartTime, err := processStartTime(os.Getpid())
	if err != nil {
		return nil, nil, err
	}
	started := &Started{
		Pid: process.Pid, PidStartTime: startTime,
		ShimPid: os.Getpid(), ShimStartTime: ownStartTime,
		StartedAt: nanoseconds(time.Now()),
	}
	return &Container{process: process, log: log, streams: streams, viewers: viewers}, started, nil
}

// startInit starts a copy of this program in the container's namespaces and returns when that has
// become the container's program, or says why it could not.
func startInit(plan *ContainerPlan, streams *streams) (*os.Process, error) {
	if err := joinNamespaces(plan.Namespaces); err != nil {
		return nil, err
	}
	planInput, err := os.Open(planFile)
	if err != nil {
		return nil, err
	}
	defer planInput.Close()
	reportInput, reportOutput, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reportInput.Close()

	flags := uintptr(syscall.CLONE_NEWNS)
	if plan.Namespaces.PID == "" {
		flags |= syscall.CLONE_NEWPID
	}
	process, err := os.StartProcess("/proc/self/exe", []string{"shim", initCommand}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{streams.childInput, streams.childOutput, streams.childErrors, planInput, reportOutput},
		Sys: &syscall.SysProcAttr{
			Cloneflags: flags,
			Setsid:     true,
			Setctty:    plan.TTY,
		},
	})
	_ = reportOutput.Close()
	if err != nil {
		return nil, fmt.Errorf("start the container's first process: %w", err)
	}
	streams.closeChildEnds()
	problem, err := io.ReadAll(reportInput)
	if err != nil {
		return nil, err
	}
	if len(problem) > 0 {
		_, _ = process.Wait()
		return nil, errors.New(string(problem))
	}
	return process, nil
}

// joinNamespaces moves this thread, and with it what it starts, into the pod's namespaces.
func joinNamespaces(namespaces Namespaces) error {
	kinds := append(namespaceKinds(namespaces), namespaceKind{"pid", unix.CLONE_NEWPID, namespaces.PID})
	for _, kind := range kinds {
		if kind.path == "" {
			continue
		}
		file, err := os.Open(kind.path)
		if err != nil {
			return fmt.Errorf("the pod's %s namespace: %w", kind.name, err)
		}
		err = unix.Setns(int(file.Fd()), kind.flag)
		_ = file.Close()
		if err != nil {
			return fmt.Errorf("join the pod's %s namespace: %w", kind.name, err)
		}
	}
	return nil
}

// stayWith carries the container's output until it has ended, and leaves a record of its end.
func (container *Container) stayWith(plan *ContainerPlan) error {
	signals := make(chan os.Signal, 4)
	// Whatever ends the runtime must not end the container.
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE)
	go func() {
		for received := range signals {
			if received == syscall.SIGHUP {
				if err := container.log.Reopen(); err != nil {
					fmt.Fprintf(os.Stderr, "reopen the log: %v\n", err)
				}
			}
		}
	}()
	drained := container.copyOutput()
	state, err := container.process.Wait()
	if err != nil {
		return fmt.Errorf("wait for the container: %w", err)
	}
	finished := time.Now()
	select {
	case <-drained:
	case <-time.After(drainTime):
	}
	return writeJSON(plan.ExitPath, Exited{ExitCode: exitCode(state), FinishedAt: nanoseconds(finished)})
}

// copyOutput sends the container's output to its log and to who is attached; the channel closes at its end.
func (container *Container) copyOutput() <-chan struct{} {
	var copying sync.WaitGroup
	for _, stream := range container.streams.outputs {
		copying.Go(func() {
			writer := &LineWriter{log: container.log, stream: stream.name}
			buffer := make([]byte, maximumLine)
			for {
				count, err := stream.file.Read(buffer)
				if count > 0 {
					container.viewers.send(stream.kind, buffer[:count])
					// A full disk must not stop the container: what cannot be written is lost, and said once per read.
					if _, err := writer.Write(buffer[:count]); err != nil {
						fmt.Fprintf(os.Stderr, "write the log: %v\n", err)
					}
				}
				if err != nil {
					break
				}
			}
			if err := writer.Flush(); err != nil {
				fmt.Fprintf(os.Stderr, "write the log: %v\n", err)
			}
		})
	}
	drained := make(chan struct{})
	go func() {
		copying.Wait()
		close(drained)
	}()
	return drained
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignalledBase + int(status.Signal())
	}
	return state.ExitCode()
}

func nanoseconds(moment time.Time) string { return strconv.FormatInt(moment.UnixNano(), 10) }

// processStartTime is field 22 of /proc/PID/stat; the second field may contain blanks and parentheses.
func processStartTime(pid int) (string, error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", err
	}
	text := string(content)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const startTime = 22 - 3
	if len(fields) <= startTime {
		return "", fmt.Errorf("unexpected /proc/%d/stat", pid)
	}
	return fields[startTime], nil
}
