// Package terminal makes pseudo-terminals.
package terminal

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open returns the controlling side of a new terminal, and the terminal itself.
func Open() (controller, terminal *os.File, err error) {
	descriptor, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	controller = os.NewFile(uintptr(descriptor), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(descriptor, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, fmt.Errorf("unlock the terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(descriptor, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, fmt.Errorf("number of the terminal: %w", err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	return controller, terminal, nil
}

// Resize tells a terminal how large its window is.
func Resize(controller *os.File, columns, rows uint16) error {
	connection, err := controller.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = connection.Control(func(descriptor uintptr) {
		result = unix.IoctlSetWinsize(int(descriptor), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
	if err != nil {
		return err
	}
	return result
}
