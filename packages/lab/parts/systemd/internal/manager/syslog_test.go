package manager

import (
	"net"
	"testing"

	"meshlift.dev/lab/parts/systemd/internal/journal"
)

func dialDatagram(path string) (net.Conn, error) { return net.Dial("unixgram", path) }

func TestSyslogLines(t *testing.T) {
	for text, want := range map[string]journal.Entry{
		"<38>Nov 23 06:00:00 sshd[12]: Accepted key: ED25519": {Priority: 6, Identifier: "sshd", PID: 12, Message: "Accepted key: ED25519"},
		"<85>Nov  3 06:00:00 sudo: admin : COMMAND=x":         {Priority: 5, Identifier: "sudo", Message: "admin : COMMAND=x"},
		"<13>just some words: here":                           {Priority: 5, Identifier: "unknown", Message: "just some words: here"},
		"no priority":                                         {Priority: 6, Identifier: "unknown", Message: "no priority"},
	} {
		if got := parseSyslog(text); got != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}
