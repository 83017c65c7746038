// Systemd is the service manager of the lab's virtual machines: a small init that runs ordinary systemd unit files,
// with the systemctl and journalctl that belong to it, and the machine that it boots in.
//
// Why not systemd itself: it needs a control group that it may write, which an ordinary user's sandbox has only where
// a systemd of the host delegates one. This one needs none (see package keeper), starts in milliseconds, and is one
// static file. It follows systemd where unit files, scripts and people depend on it. It runs services and targets;
// settings that it doesn't apply (resource control, sandboxing, watchdogs, OnFailure=) are logged and passed over, and
// units of other types can be enabled but not started.
//
// What it does depends on the name that it is called by.
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"meshlift.dev/lab/parts/systemd/internal/journalctl"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/machine"
	"meshlift.dev/lab/parts/systemd/internal/manager"
	"meshlift.dev/lab/parts/systemd/internal/systemctl"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "systemd" && len(args) > 0 && os.Getpid() != 1 {
		name, args = args[0], args[1:] // `systemd machine …`, as the lab calls it
	}
	var err error
	switch name {
	case "systemctl":
		os.Exit(systemctl.Main(args, os.Stdout, os.Stderr))
	case "journalctl":
		os.Exit(journalctl.Main(args, os.Stdout, os.Stderr))
	case "reboot", "poweroff", "halt":
		os.Exit(systemctl.Main([]string{name}, os.Stdout, os.Stderr))
	case "shutdown":
		os.Exit(systemctl.Main([]string{shutdownVerb(args)}, os.Stdout, os.Stderr))
	case "systemd-notify":
		err = notify(args)
	case "systemd-keeper":
		err = keeper.Run()
	case "machine":
		err = machine.Main(args)
	case "machine-boot":
		err = machine.Boot(args[0], args[1])
	case "init", "systemd":
		if os.Getpid() != 1 {
			err = fmt.Errorf("%s: it is the first process of a machine, not a command", name)
			break
		}
		err = manager.Run()
	default:
		err = fmt.Errorf("%s: called by a name that it doesn't know; it is systemctl, journalctl, systemd-notify, init and machine", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// shutdownVerb reads `shutdown -r now`.
func shutdownVerb(args []string) string {
	for _, arg := range args {
		if arg == "-r" || arg == "--reboot" {
			return "reboot"
		}
	}
	return "poweroff"
}

// notify tells init about the calling service, for services written as shell scripts.
func notify(args []string) error {
	var lines []string
	for _, arg := range args {
		switch {
		case arg == "--ready":
			lines = append(lines, "READY=1")
		case strings.HasPrefix(arg, "--status="):
			lines = append(lines, "STATUS="+strings.TrimPrefix(arg, "--status="))
		case strings.HasPrefix(arg, "--pid"):
			_, pid, given := strings.Cut(arg, "=")
			if !given {
				pid = fmt.Sprint(os.Getppid())
			}
			lines = append(lines, "MAINPID="+pid)
		case strings.Contains(arg, "=") && !strings.HasPrefix(arg, "-"):
			lines = append(lines, arg)
		default:
			return fmt.Errorf("systemd-notify: unknown option %s", arg)
		}
	}
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return fmt.Errorf("systemd-notify: no $NOTIFY_SOCKET: this isn't part of a service that notifies")
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("systemd-notify: %w", err)
	}
	defer connection.Close()
	var sender []byte
	if os.Geteuid() == 0 {
		// In the caller's name, which is the service's main process where a shell script is the service.
		sender = unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getppid())})
	}
	_, _, err = connection.WriteMsgUnix([]byte(strings.Join(lines, "\n")), sender, nil)
	return err
}
