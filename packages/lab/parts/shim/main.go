// Command shim does for a lab's container runtime what only a program close to the kernel
// can do: make and delete a pod's namespaces, start one container and stay its parent, and
// run a command in a running container.
//
// The runtime decides everything and hands it over as a plan (plan.go); the shim carries it
// out. One shim process stays with each container for as long as it runs, so the runtime may
// be restarted meanwhile: the shim keeps the container's output flowing into its log and
// writes down how it ended.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const usage = `usage:
  shim sandbox create          make a pod's namespaces and network, as the plan on standard input says
  shim sandbox delete          delete them again (same plan)
  shim run DIR                 start the container whose plan is DIR/plan.json and stay with it
  shim exec [--tty] DIR -- CMD run CMD in the container of DIR
`

const (
	exitFailed        = 1
	exitUsage         = 64
	exitCannotInvoke  = 126
	exitNotFound      = 127
	exitSignalledBase = 128
)

// firstFurtherDescriptor is the first after the three standard streams.
const firstFurtherDescriptor = 3

// initCommand is how a shim names the copy of itself that becomes the container's process.
const initCommand = "container-init"

func init() {
	// Namespaces and credentials belong to threads: everything here happens on the first one.
	runtime.LockOSThread()
}

func main() {
	// Whatever this process was started with by mistake must not reach a container.
	fail("cannot seal file descriptors", unix.CloseRange(firstFurtherDescriptor, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC))
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == initCommand:
		containerInit()
	case len(arguments) == 2 && arguments[0] == "sandbox" && arguments[1] == "create":
		fail("cannot make the pod's namespaces", createSandbox(os.Stdin))
	case len(arguments) == 2 && arguments[0] == "sandbox" && arguments[1] == "delete":
		fail("cannot delete the pod's namespaces", deleteSandbox(os.Stdin))
	case len(arguments) == 2 && arguments[0] == "run":
		fail("cannot run the container", runContainer(arguments[1]))
	case len(arguments) >= 4 && arguments[0] == "exec" && arguments[1] == "--tty" && arguments[3] == "--":
		os.Exit(execInContainer(arguments[2], arguments[4:], true))
	case len(arguments) >= 3 && arguments[0] == "exec" && arguments[2] == "--":
		os.Exit(execInContainer(arguments[1], arguments[3:], false))
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitUsage)
	}
}

func fail(what string, err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(exitFailed)
}
