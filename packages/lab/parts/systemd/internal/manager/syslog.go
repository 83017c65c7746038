package manager

import (
	"os"
	"strconv"
	"strings"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
)

const syslogSocket = "/run/systemd/journal/dev-log"

// listenSyslog makes /dev/log, where programs such as sshd and sudo log to.
func (m *Manager) listenSyslog() error {
	connection, err := listenDatagrams(syslogSocket)
	if err != nil {
		return err
	}
	if err := os.Symlink(syslogSocket, "/dev/log"); err != nil && !os.IsExist(err) {
		return err
	}
	go func() {
		buffer := make([]byte, 64*1024)
		for {
			text, sender, err := receiveDatagram(connection, buffer)
			if err != nil {
				return
			}
			entry := parseSyslog(text)
			entry.PID = cmpOr(entry.PID, sender)
			entry.Unit = m.ownerOf(sender)
			m.journal.Write(entry)
		}
	}()
	return nil
}

// ownerOf finds the unit that a process belongs to, "" for none.
func (m *Manager) ownerOf(pid int) string {
	m.mu.Lock()
	keepers := make(map[int]bool, len(m.keepers))
	for keeper := range m.keepers {
		keepers[keeper] = true
	}
	m.mu.Unlock()
	ancestor := keeper.AncestorIn(pid, keepers)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keepers[ancestor]
}

// parseSyslog reads `<38>Nov 23 06:00:00 sshd[12]: text`, of which only the text is certain to be there.
func parseSyslog(text string) journal.Entry {
	entry := journal.Entry{Priority: journal.Info, Identifier: "unknown"}
	text = strings.TrimRight(text, "\n\x00")
	entry.Priority, text = splitPriority(text, entry.Priority)
	// `Mmm dd hh:mm:ss ` is 16 bytes; the entry gets its own time.
	if len(text) > 16 && text[3] == ' ' && text[6] == ' ' && text[9] == ':' && text[15] == ' ' {
		text = text[16:]
	}
	tag, message, found := strings.Cut(text, ": ")
	if !found || strings.ContainsAny(tag, " \t") {
		entry.Message = text
		return entry
	}
	entry.Message = message
	name, rest, hasPID := strings.Cut(tag, "[")
	entry.Identifier = name
	if hasPID {
		if pid, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); err == nil {
			entry.PID = pid
		}
	}
	return entry
}

// splitPriority takes `<N>` off the front of a line; the facility in N is left out.
func splitPriority(text string, byDefault int) (int, string) {
	if !strings.HasPrefix(text, "<") {
		return byDefault, text
	}
	digits, rest, found := strings.Cut(text[1:], ">")
	if !found || len(digits) > 3 {
		return byDefault, text
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return byDefault, text
	}
	return n & 7, rest
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
