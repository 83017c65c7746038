package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"meshlift.dev/lab/parts/shim/frame"
)

// inputChunk is how much input is passed on at once, in bytes.
const inputChunk = 32 * 1024

// Attach connects the caller to a container's standard streams until the container ends or the caller hangs up.
func (n *node) Attach(ctx context.Context, containerID string, stdin io.Reader, stdout, stderr io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	connection, err := dialIn(n.container(containerID), "attach.sock")
	if err != nil {
		return fmt.Errorf("container %s cannot be attached to: %w", containerID, err)
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()

	send := sender(connection)
	go forEachSize(resize, func(size remotecommand.TerminalSize) error {
		return send(frame.Resize, frame.EncodeSize(size.Width, size.Height))
	})
	if stdin != nil {
		go sendInput(send, stdin)
	}
	return receiveOutput(connection, stdout, stderr)
}

func sendInput(send func(frame.Kind, []byte) error, stdin io.Reader) {
	buffer := make([]byte, inputChunk)
	for {
		count, err := stdin.Read(buffer)
		if count > 0 && send(frame.Input, buffer[:count]) != nil {
			return
		}
		if err != nil {
			_ = send(frame.InputEnd, nil)
			return
		}
	}
}

func receiveOutput(connection io.Reader, stdout, stderr io.Writer) error {
	for {
		kind, content, err := frame.Read(connection)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		writer := io.Discard
		switch {
		case kind == frame.Output && stdout != nil:
			writer = stdout
		case kind == frame.Errors && stderr != nil:
			writer = stderr
		}
		if _, err := writer.Write(content); err != nil {
			return err
		}
	}
}

// sender writes whole frames, whoever sends them.
func sender(connection io.Writer) func(kind frame.Kind, content []byte) error {
	var mutex sync.Mutex
	return func(kind frame.Kind, content []byte) error {
		mutex.Lock()
		defer mutex.Unlock()
		_, err := connection.Write(frame.Encode(kind, content))
		return err
	}
}

// dialIn connects to a socket in a folder whose path may be longer than the 107 characters that a socket's may have.
func dialIn(folder, name string) (net.Conn, error) {
	opened, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return net.Dial("unix", filepath.Join(fmt.Sprintf("/proc/self/fd/%d", opened.Fd()), name))
}
