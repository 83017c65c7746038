package manager

import (
	"errors"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// listenDatagrams opens a unix datagram socket that everyone may send to and that tells who did.
func listenDatagrams(path string) (*net.UnixConn, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	raw, err := connection.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, os.Chmod(path, 0o666)); err != nil {
		connection.Close()
		return nil, err
	}
	return connection, nil
}

// receiveDatagram waits for one message; sender is 0 when the kernel can't tell.
func receiveDatagram(connection *net.UnixConn, buffer []byte) (text string, sender int, err error) {
	ancillary := make([]byte, 256)
	n, used, _, _, err := connection.ReadMsgUnix(buffer, ancillary)
	if err != nil {
		return "", 0, err
	}
	messages, err := unix.ParseSocketControlMessage(ancillary[:used])
	if err != nil {
		return string(buffer[:n]), 0, nil
	}
	for _, message := range messages {
		if credentials, err := unix.ParseUnixCredentials(&message); err == nil {
			sender = int(credentials.Pid)
			continue
		}
		if files, err := unix.ParseUnixRights(&message); err == nil { // FDSTORE=1: nothing is stored here
			for _, fd := range files {
				unix.Close(fd)
			}
		}
	}
	return string(buffer[:n]), sender, nil
}
