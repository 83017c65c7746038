package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"meshlift.dev/lab/parts/shim/frame"
	"meshlift.dev/lab/parts/shim/terminal"
)

// attachFile is the socket in a container's folder on which the shim waits for those who attach.
const attachFile = "attach.sock"

// viewerPatience is how long somebody attached may take to read, before being let go.
const viewerPatience = 5 * time.Second

// viewers are those attached to a container at the moment.
type viewers struct {
	streams   *streams
	stdinOnce bool

	mutex       sync.Mutex
	connections map[net.Conn]struct{}
}

func serveAttach(streams *streams, stdinOnce bool) (*viewers, error) {
	listener, err := net.Listen("unix", attachFile)
	if err != nil {
		return nil, fmt.Errorf("listen for those who attach: %w", err)
	}
	attached := &viewers{streams: streams, stdinOnce: stdinOnce, connections: map[net.Conn]struct{}{}}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				fmt.Fprintf(os.Stderr, "accept who attaches: %v\n", err)
				return
			}
			attached.add(connection)
			go attached.receive(connection)
		}
	}()
	return attached, nil
}

func (attached *viewers) add(connection net.Conn) {
	attached.mutex.Lock()
	defer attached.mutex.Unlock()
	attached.connections[connection] = struct{}{}
}

func (attached *viewers) remove(connection net.Conn) {
	attached.mutex.Lock()
	defer attached.mutex.Unlock()
	delete(attached.connections, connection)
	_ = connection.Close()
}

// send shows output to everybody attached. Who does not read it in time is let go: a container
// never waits for its viewers.
func (attached *viewers) send(kind frame.Kind, content []byte) {
	attached.mutex.Lock()
	defer attached.mutex.Unlock()
	if len(attached.connections) == 0 {
		return
	}
	encoded := frame.Encode(kind, content)
	for connection := range attached.connections {
		_ = connection.SetWriteDeadline(time.Now().Add(viewerPatience))
		if _, err := connection.Write(encoded); err != nil {
			delete(attached.connections, connection)
			_ = connection.Close()
		}
	}
}

func (attached *viewers) receive(connection net.Conn) {
	defer attached.remove(connection)
	for {
		kind, content, err := frame.Read(connection)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				fmt.Fprintf(os.Stderr, "read from who is attached: %v\n", err)
			}
			return
		}
		if err := attached.handle(kind, content); err != nil {
			fmt.Fprintf(os.Stderr, "pass on from who is attached: %v\n", err)
		}
	}
}

func (attached *viewers) handle(kind frame.Kind, content []byte) error {
	input, controller := attached.streams.input, attached.streams.terminal
	switch kind {
	case frame.Input:
		if input != nil {
			_, err := input.Write(content)
			return err
		}
	case frame.InputEnd:
		if input != nil && attached.stdinOnce && controller == nil {
			return input.Close()
		}
	case frame.Resize:
		if columns, rows, ok := frame.DecodeSize(content); ok && controller != nil {
			return terminal.Resize(controller, columns, rows)
		}
	}
	return nil
}
