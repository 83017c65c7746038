// Package journal keeps the machine's log: one JSON object a line in a plain file, written by init alone and read by
// journalctl. It outlives a reboot. One older generation is kept when the file has grown large.
package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Path is where the journal lies; Older is its previous generation.
const (
	Path  = "/var/log/journal/system.jsonl"
	Older = Path + ".1"

	rotateAt = 32 << 20
)

// Priorities as syslog numbers them.
const (
	Emergency = iota
	Alert
	Critical
	Error
	Warning
	Notice
	Info
	Debug
)

// Entry is one line of the log.
type Entry struct {
	// Time is in microseconds since 1970.
	Time       int64  `json:"t"`
	Boot       string `json:"boot"`
	Unit       string `json:"unit,omitempty"`
	Identifier string `json:"id"`
	PID        int    `json:"pid,omitempty"`
	Priority   int    `json:"prio"`
	Message    string `json:"msg"`
}

// When is the entry's time.
func (e Entry) When() time.Time { return time.UnixMicro(e.Time) }

// Writer appends to the journal; it is safe for use by several goroutines.
type Writer struct {
	mu   sync.Mutex
	path string
	boot string
	file *os.File
	size int64
	last int64
}

// Open opens the journal of this boot below root, readable by root and the group adm (4), as Debian's is.
func Open(root, boot string) (*Writer, error) {
	w := &Writer{path: filepath.Join(root, Path), boot: boot}
	if err := os.MkdirAll(filepath.Dir(w.path), 0o755); err != nil {
		return nil, err
	}
	return w, w.open()
}

func (w *Writer) open() error {
	file, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	if err := file.Chown(0, 4); err != nil && os.Getuid() == 0 {
		fmt.Fprintf(os.Stderr, "journal: give it to the group adm: %v\n", err)
	}
	w.file, w.size = file, info.Size()
	return nil
}

// Write adds an entry; its time and boot are filled in. Times never go back, so that readers may rely on the order.
func (w *Writer) Write(e Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Boot = w.boot
	e.Time = max(time.Now().UnixMicro(), w.last)
	w.last = e.Time
	line, err := json.Marshal(e)
	if err != nil {
		return // an Entry always marshals
	}
	n, err := w.file.Write(append(line, '\n'))
	if err != nil {
		fmt.Fprintf(os.Stderr, "journal: %v\n", err)
		return
	}
	w.size += int64(n)
	if w.size > rotateAt {
		if err := w.rotate(); err != nil {
			fmt.Fprintf(os.Stderr, "journal: start a new file: %v\n", err)
		}
	}
}

func (w *Writer) rotate() error {
	if err := os.Rename(w.path, w.path+".1"); err != nil {
		return err
	}
	w.file.Close()
	return w.open()
}
