// Command streaming serves exec, attach and port-forward for a lab's container runtime, with the
// kubelet's own library, over SPDY and WebSocket.
//
// The runtime asks it over a unix socket to prepare a stream and passes the URL on to the kubelet,
// which sends its caller's connection there. What runs in a container is left to the shim.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds | log.LUTC)
	control := flag.String("control", "", "unix `socket` on which the runtime asks for streams")
	state := flag.String("state", "", "the runtime's state `folder`, with pods/ and containers/")
	shim := flag.String("shim", "", "the shim's `path`")
	flag.Parse()
	if *control == "" || *state == "" || *shim == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(64)
	}
	if err := serve(*control, &node{state: *state, shim: *shim}); err != nil {
		log.Fatal(err)
	}
}

func serve(control string, runtime streaming.Runtime) error {
	// Only the kubelet on this machine needs to reach it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/"}
	server, err := streaming.NewServer(config, runtime)
	if err != nil {
		return err
	}
	if err := os.Remove(control); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	controlListener, err := net.Listen("unix", control)
	if err != nil {
		return fmt.Errorf("listen for the runtime: %w", err)
	}
	if err := os.Chmod(control, 0o600); err != nil {
		return err
	}
	asked := http.NewServeMux()
	asked.HandleFunc("POST /streams", func(response http.ResponseWriter, request *http.Request) { prepare(server, response, request) })

	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	failed := make(chan error, 2)
	go func() { failed <- http.Serve(controlListener, asked) }()
	go func() { failed <- http.Serve(listener, server) }()
	log.Printf("serving streams on %s, asked on %s", listener.Addr(), control)
	select {
	case err := <-failed:
		return err
	case <-ended.Done():
		return nil
	}
}

// StreamRequest is what the runtime asks for; packages/lab/src/runtime/streaming.ts writes it.
type StreamRequest struct {
	Kind        string   `json:"kind"`
	ContainerID string   `json:"containerId"`
	PodID       string   `json:"podId"`
	Command     []string `json:"command"`
	Stdin       bool     `json:"stdin"`
	Stdout      bool     `json:"stdout"`
	Stderr      bool     `json:"stderr"`
	TTY         bool     `json:"tty"`
	Ports       []int32  `json:"ports"`
}

func prepare(server streaming.Server, response http.ResponseWriter, request *http.Request) {
	var wanted StreamRequest
	if err := json.NewDecoder(request.Body).Decode(&wanted); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	address, err := prepared(server, wanted)
	if err != nil {
		http.Error(response, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(response).Encode(map[string]string{"url": address}); err != nil {
		log.Printf("answer the runtime: %v", err)
	}
}

func prepared(server streaming.Server, wanted StreamRequest) (string, error) {
	switch wanted.Kind {
	case "exec":
		answer, err := server.GetExec(&runtimeapi.ExecRequest{
			ContainerId: wanted.ContainerID, Cmd: wanted.Command,
			Stdin: wanted.Stdin, Stdout: wanted.Stdout, Stderr: wanted.Stderr, Tty: wanted.TTY,
		})
		return answer.GetUrl(), err
	case "attach":
		answer, err := server.GetAttach(&runtimeapi.AttachRequest{
			ContainerId: wanted.ContainerID,
			Stdin:       wanted.Stdin, Stdout: wanted.Stdout, Stderr: wanted.Stderr, Tty: wanted.TTY,
		})
		return answer.GetUrl(), err
	case "portForward":
		answer, err := server.GetPortForward(&runtimeapi.PortForwardRequest{PodSandboxId: wanted.PodID, Port: wanted.Ports})
		return answer.GetUrl(), err
	default:
		return "", fmt.Errorf("no stream of kind %q", wanted.Kind)
	}
}
