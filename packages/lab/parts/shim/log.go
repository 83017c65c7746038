package main

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// maximumLine is how long a line may be before it is written in parts, as other runtimes do.
const maximumLine = 16 * 1024

// LogFile is a container's log in the CRI's format: `<time> <stream> <F|P> <text>` per line.
type LogFile struct {
	path  string
	clock func() time.Time

	mutex sync.Mutex
	file  *os.File
}

func openLog(path string, clock func() time.Time) (*LogFile, error) {
	log := &LogFile{path: path, clock: clock}
	return log, log.Reopen()
}

// Reopen goes on in a new file after the old one has been moved away.
func (log *LogFile) Reopen() error {
	file, err := os.OpenFile(log.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	log.mutex.Lock()
	defer log.mutex.Unlock()
	if log.file != nil {
		_ = log.file.Close()
	}
	log.file = file
	return nil
}

func (log *LogFile) write(records []byte) error {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	_, err := log.file.Write(records)
	return err
}

// LineWriter turns one of a container's streams into log lines.
type LineWriter struct {
	log     *LogFile
	stream  string
	pending []byte
}

// Write logs every full line, and what exceeds the longest line in parts. The rest waits for more.
func (writer *LineWriter) Write(content []byte) (int, error) {
	rest := content
	if len(writer.pending) > 0 {
		rest = append(writer.pending, content...)
	}
	var records bytes.Buffer
	for {
		end := bytes.IndexByte(rest, '\n')
		if end >= 0 && end <= maximumLine {
			writer.record(&records, 'F', rest[:end])
			rest = rest[end+1:]
		} else if len(rest) >= maximumLine {
			writer.record(&records, 'P', rest[:maximumLine])
			rest = rest[maximumLine:]
		} else {
			break
		}
	}
	// A copy, because the reader uses its buffer again.
	writer.pending = append([]byte(nil), rest...)
	if records.Len() == 0 {
		return len(content), nil
	}
	return len(content), writer.log.write(records.Bytes())
}

// Flush logs a last line that had no end.
func (writer *LineWriter) Flush() error {
	if len(writer.pending) == 0 {
		return nil
	}
	var records bytes.Buffer
	writer.record(&records, 'P', writer.pending)
	writer.pending = nil
	return writer.log.write(records.Bytes())
}

func (writer *LineWriter) record(records *bytes.Buffer, tag byte, line []byte) {
	records.WriteString(writer.log.clock().UTC().Format(time.RFC3339Nano))
	records.WriteByte(' ')
	records.WriteString(writer.stream)
	records.WriteByte(' ')
	records.WriteByte(tag)
	records.WriteByte(' ')
	records.Write(line)
	records.WriteByte('\n')
}
