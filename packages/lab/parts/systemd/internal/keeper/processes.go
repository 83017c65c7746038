package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Process is one process below a keeper.
type Process struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

// Below lists the processes whose ancestor is pid, without pid itself.
func Below(pid int) []Process {
	parents := parents()
	var found []Process
	for child := range parents {
		if isBelow(child, pid, parents) {
			found = append(found, Process{PID: child, Command: commandLine(child)})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].PID < found[j].PID })
	return found
}

// AncestorIn gives the first ancestor of pid (or pid itself) that is one of the given ones, or 0.
func AncestorIn(pid int, wanted map[int]bool) int {
	for range 64 {
		if wanted[pid] {
			return pid
		}
		pid = parentOf(pid)
		if pid <= 1 {
			return 0
		}
	}
	return 0
}

func isBelow(pid, ancestor int, parents map[int]int) bool {
	for range 64 {
		parent, known := parents[pid]
		if !known || parent <= 1 {
			return false
		}
		if parent == ancestor {
			return true
		}
		pid = parent
	}
	return false
}

func parents() map[int]int {
	found := map[int]int{}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		if parent := parentOf(pid); parent > 0 {
			found[pid] = parent
		}
	}
	return found
}

// parentOf gives 0 for a process that is gone or has only its exit status left.
func parentOf(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// pid (name, which may hold anything) state ppid …
	_, rest, found := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

func commandLine(pid int) string {
	folder := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(folder + "/cmdline")
	if err != nil || len(text) == 0 {
		name, _ := os.ReadFile(folder + "/comm")
		return "[" + strings.TrimSpace(string(name)) + "]"
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
}
