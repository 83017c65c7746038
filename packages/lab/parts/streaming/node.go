package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
	"meshlift.dev/lab/parts/shim/terminal"
)

// node carries streams to the pods and containers in the runtime's state folder.
type node struct {
	state string
	shim  string
}

func (n *node) container(id string) string { return filepath.Join(n.state, "containers", id) }

// Exec runs a command in a container. It is killed when the caller hangs up.
func (n *node) Exec(ctx context.Context, containerID string, argv []string, stdin io.Reader, stdout, stderr io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	// Argv is not for a shell, and the first of it is not an option: the shim takes what follows `--` as it is.
	arguments := []string{"exec"}
	if tty {
		arguments = append(arguments, "--tty")
	}
	arguments = append(arguments, n.container(containerID), "--")
	command := exec.CommandContext(ctx, n.shim, append(arguments, argv...)...)
	command.Env = []string{}
	// The shim then ends the command, which nothing would tell it to if it was killed itself.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	var err error
	if tty {
		err = runOnTerminal(command, stdin, stdout, resize)
	} else {
		err = runOnPipes(command, stdin, stdout, stderr)
	}
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		// The form in which the library tells the caller an exit code.
		return utilexec.CodeExitError{Err: exited, Code: exited.ExitCode()}
	}
	return err
}

func runOnPipes(command *exec.Cmd, stdin io.Reader, stdout, stderr io.Writer) error {
	command.Stdout, command.Stderr = stdout, stderr
	if stdin != nil {
		// Not command.Stdin: Wait would then not return before the caller has sent more or hung up.
		input, err := command.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(input, stdin)
			_ = input.Close()
		}()
	}
	return command.Run()
}

func runOnTerminal(command *exec.Cmd, stdin io.Reader, stdout io.Writer, resize <-chan remotecommand.TerminalSize) error {
	controller, device, err := terminal.Open()
	if err != nil {
		return err
	}
	defer controller.Close()
	go forEachSize(resize, func(size remotecommand.TerminalSize) error {
		return terminal.Resize(controller, size.Width, size.Height)
	})
	command.Stdin, command.Stdout, command.Stderr = device, device, device
	err = command.Start()
	_ = device.Close()
	if err != nil {
		return err
	}
	var copying sync.WaitGroup
	if stdin != nil {
		go func() { _, _ = io.Copy(controller, stdin) }()
	}
	if stdout != nil {
		// Ends with EIO once nobody has the terminal open.
		copying.Go(func() { _, _ = io.Copy(stdout, controller) })
	}
	err = command.Wait()
	copying.Wait()
	return err
}

func forEachSize(sizes <-chan remotecommand.TerminalSize, apply func(remotecommand.TerminalSize) error) {
	for size := range sizes {
		if size.Width == 0 || size.Height == 0 {
			continue
		}
		if err := apply(size); err != nil {
			return
		}
	}
}
