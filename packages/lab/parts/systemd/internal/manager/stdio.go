package manager

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// openStdio gives the files that a service's programs have as stdin, stdout and stderr; closing them is the caller's.
func (s *service) openStdio(cfg *unit.Service, who account) ([3]*os.File, error) {
	var files [3]*os.File
	open := func(stream unit.Stream, inherited *os.File) (*os.File, error) {
		switch stream.Kind {
		case "inherit":
			return inherited, nil
		case "journal":
			return s.openJournalPipe(who)
		case "append", "truncate", "file":
			flags := os.O_WRONLY | os.O_CREATE
			switch stream.Kind {
			case "append":
				flags |= os.O_APPEND
			case "truncate":
				flags |= os.O_TRUNC
			}
			return os.OpenFile(stream.Path, flags, 0o644)
		}
		return os.OpenFile("/dev/null", os.O_RDWR, 0)
	}
	var err error
	if cfg.Input.Kind == "file" {
		files[0], err = os.Open(cfg.Input.Path)
	} else {
		files[0], err = os.Open("/dev/null")
	}
	if err != nil {
		return files, stageError{208, err}
	}
	if files[1], err = open(cfg.Output, files[0]); err != nil {
		return files, stageError{209, err}
	}
	if files[2], err = open(cfg.ErrorOutput, files[1]); err != nil {
		return files, stageError{222, err}
	}
	return files, nil
}

// openJournalPipe gives a file whose lines go to the journal.
func (s *service) openJournalPipe(who account) (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if who.uid != 0 || who.gid != 0 {
		// So that a program may open /dev/stdout again although it isn't root.
		if err := writer.Chown(int(who.uid), int(who.gid)); err != nil {
			reader.Close()
			writer.Close()
			return nil, err
		}
	}
	go func() {
		defer reader.Close()
		lines := bufio.NewReaderSize(reader, 48*1024)
		for {
			// A line longer than the buffer becomes several entries.
			line, err := lines.ReadSlice('\n')
			if text := strings.TrimRight(string(line), "\n"); len(line) > 0 {
				priority, text := splitPriority(text, journal.Info)
				identifier, pid := s.speaker()
				s.m.journal.Write(journal.Entry{Unit: s.name, Identifier: identifier, PID: pid, Priority: priority, Message: text})
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				if !errors.Is(err, io.EOF) {
					s.m.log(journal.Warning, s.name, "%s: its output can't be read: %v", s.name, err)
				}
				return
			}
		}
	}()
	return writer, nil
}
