// Command labinit is the first process of a lab's pid namespace.
//
// It starts its arguments as one child process, passes SIGTERM, SIGINT, SIGHUP and
// SIGQUIT on to it, reaps every process that the namespace orphans, and ends with the
// child's exit code (128 + signal where a signal ended it). When it ends, the kernel
// kills whatever is left in the namespace: that is what makes a lab leave nothing behind,
// and why the lab's supervisor is not itself the first process (Node.js does not reap
// children that it did not start).
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Exit codes as shells use them, for a child that could not be started.
const (
	exitUsage      = 64
	exitNotRunning = 126
	exitNotFound   = 127
	exitSignalBase = 128
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "labinit: no program given. Usage: labinit PROGRAM [ARGUMENT…]")
		os.Exit(exitUsage)
	}
	if os.Getpid() != 1 {
		// Elsewhere orphans would go to another process and the end of labinit would end nothing.
		fmt.Fprintln(os.Stderr, "labinit: must be the first process of a pid namespace; start it with `unshare --pid --fork`")
		os.Exit(exitUsage)
	}
	// Subscribed before the child exists, so that no signal is lost; a first process has
	// no default action for a signal, so until here one would have been ignored.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)

	child, err := start(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "labinit: cannot start %s: %v\n", os.Args[1], err)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			os.Exit(exitNotFound)
		}
		os.Exit(exitNotRunning)
	}
	go func() {
		for received := range signals {
			if number, ok := received.(syscall.Signal); ok {
				// Fails only when the child is gone, and then reap ends this process.
				_ = syscall.Kill(child, number)
			}
		}
	}()
	os.Exit(reap(child))
}

// start runs argv with this process's environment, folder and open standard streams.
func start(argv []string) (int, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
	})
}

// reap collects ended processes until the child itself has ended and returns the exit code to end with.
func reap(child int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			// ECHILD: the child was collected already, which only this function does.
			fmt.Fprintf(os.Stderr, "labinit: lost its child %d: %v\n", child, err)
			return exitNotRunning
		case pid != child:
			continue
		case status.Signaled():
			return exitSignalBase + int(status.Signal())
		case status.Exited():
			return status.ExitStatus()
		}
	}
}
