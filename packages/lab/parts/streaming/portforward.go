package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const dialTimeout = 5 * time.Second

// PortForward connects the stream to a port of the pod's loopback until either side has ended.
func (n *node) PortForward(ctx context.Context, podSandboxID string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	connection, err := dialInNamespace(ctx, filepath.Join(n.state, "pods", podSandboxID, "ns", "net"), int(port))
	if err != nil {
		return fmt.Errorf("port %d of pod sandbox %s: %w", port, podSandboxID, err)
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()

	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(connection, stream)
		// The caller has said all it had to say; the pod may still answer.
		if half, ok := connection.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		if err != nil {
			ended <- err
		}
	}()
	go func() {
		_, err := io.Copy(stream, connection)
		ended <- err
	}()
	return <-ended
}

// dialInNamespace connects to a port of the loopback in a network namespace. Without its file, the pod uses this one.
func dialInNamespace(ctx context.Context, path string, port int) (net.Conn, error) {
	type result struct {
		connection net.Conn
		err        error
	}
	results := make(chan result, 1)
	go func() {
		namespace, err := os.Open(path)
		if err == nil {
			defer namespace.Close()
			// Never unlocked: the thread ends with this goroutine, so nothing else runs in the pod's network by mistake.
			runtime.LockOSThread()
			err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
		} else if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if err != nil {
			results <- result{nil, err}
			return
		}
		connection, err := dialLoopback(ctx, port)
		results <- result{connection, err}
	}()
	answer := <-results
	return answer.connection, answer.err
}

// dialLoopback tries one address after the other. A net.Dialer given a name would try them on other threads.
func dialLoopback(ctx context.Context, port int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		return connection, nil
	}
	sixth, errSixth := dialer.DialContext(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	if errSixth == nil {
		return sixth, nil
	}
	return nil, err
}
