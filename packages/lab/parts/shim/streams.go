package main

import (
	"os"

	"meshlift.dev/lab/parts/shim/frame"
	"meshlift.dev/lab/parts/shim/terminal"
)

// streams are a container's standard streams: the ends that it gets, and the shim's.
type streams struct {
	childInput, childOutput, childErrors *os.File
	// input is nil for a container that has none.
	input   *os.File
	outputs []outputStream
	// terminal is nil for a container without one.
	terminal *os.File
}

type outputStream struct {
	name string
	kind frame.Kind
	file *os.File
}

func openStreams(plan *ContainerPlan) (*streams, error) {
	if plan.TTY {
		return openTerminal(plan)
	}
	var opened streams
	var err error
	if plan.Stdin {
		opened.childInput, opened.input, err = os.Pipe()
	} else {
		opened.childInput, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, err
	}
	output, childOutput, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errors, childErrors, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	opened.childOutput, opened.childErrors = childOutput, childErrors
	opened.outputs = []outputStream{{"stdout", frame.Output, output}, {"stderr", frame.Errors, errors}}
	// A program may open /dev/stdout again (Envoy does), which takes permission on the pipe itself.
	for _, file := range []*os.File{childOutput, childErrors} {
		if err := file.Chown(int(plan.Process.UID), int(plan.Process.GID)); err != nil {
			return nil, err
		}
	}
	return &opened, nil
}

func openTerminal(plan *ContainerPlan) (*streams, error) {
	controller, device, err := terminal.Open()
	if err != nil {
		return nil, err
	}
	if err := device.Chown(int(plan.Process.UID), int(plan.Process.GID)); err != nil {
		return nil, err
	}
	opened := &streams{
		childInput: device, childOutput: device, childErrors: device,
		outputs:  []outputStream{{"stdout", frame.Output, controller}},
		terminal: controller,
	}
	if plan.Stdin {
		opened.input = controller
	}
	return opened, nil
}

func (opened *streams) closeChildEnds() {
	for _, file := range []*os.File{opened.childInput, opened.childOutput, opened.childErrors} {
		// Closing a terminal three times is harmless.
		_ = file.Close()
	}
}
