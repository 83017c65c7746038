// Package unit reads systemd unit files: where they are found, what they say, and in which order they start.
// It is pure but for reading files below a root folder, so it works on a running machine and on a folder alike.
package unit

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Entry is one assignment of a unit file.
type Entry struct {
	Section, Key, Value string
	File                string
	Line                int
}

// Problem is something in a unit file that was passed over. systemd logs such things and carries on, and so does this.
type Problem struct {
	File string
	Line int
	Text string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Parse reads one unit file or drop-in. It never fails on what the file says, only on reading it.
func Parse(r io.Reader, file string) ([]Entry, []Problem, error) {
	var entries []Entry
	var problems []Problem
	section := ""
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64*1024), 1024*1024)
	pending, pendingLine := "", 0 // an assignment that a trailing backslash carries over lines
	number := 0

	finish := func(line string, at int) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "["):
			if !strings.HasSuffix(line, "]") {
				problems = append(problems, Problem{file, at, fmt.Sprintf("Invalid section header '%s'", line)})
				return
			}
			section = line[1 : len(line)-1]
		default:
			key, value, found := strings.Cut(line, "=")
			switch {
			case !found:
				problems = append(problems, Problem{file, at, fmt.Sprintf("Missing '=', ignoring line: %s", line)})
			case section == "":
				problems = append(problems, Problem{file, at, "Assignment outside of section, ignoring."})
			default:
				entries = append(entries, Entry{section, strings.TrimSpace(key), strings.TrimSpace(value), file, at})
			}
		}
	}

	for scanner.Scan() {
		number++
		line := scanner.Text()
		trimmed := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
			continue // also in the middle of a continued line
		}
		if pending != "" {
			line = pending + " " + trimmed
		} else {
			pendingLine = number
		}
		if strings.HasSuffix(line, "\\") {
			pending = strings.TrimSuffix(line, "\\")
			if pending == "" {
				pending = " "
			}
			continue
		}
		pending = ""
		finish(line, pendingLine)
	}
	if pending != "" {
		finish(pending, pendingLine)
	}
	return entries, problems, scanner.Err()
}
