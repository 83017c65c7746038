package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Infinity is what `infinity` means for a time span: no limit.
const Infinity = time.Duration(math.MaxInt64)

var timeUnits = map[string]time.Duration{
	"usec": time.Microsecond, "us": time.Microsecond, "µs": time.Microsecond,
	"msec": time.Millisecond, "ms": time.Millisecond,
	"seconds": time.Second, "second": time.Second, "sec": time.Second, "s": time.Second, "": time.Second,
	"minutes": time.Minute, "minute": time.Minute, "min": time.Minute, "m": time.Minute,
	"hours": time.Hour, "hour": time.Hour, "hr": time.Hour, "h": time.Hour,
	"days": 24 * time.Hour, "day": 24 * time.Hour, "d": 24 * time.Hour,
	"weeks": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseDuration reads a systemd time span: `5min 20s`, `100ms`, `1.5h`, `10` (seconds), `infinity`.
func ParseDuration(value string) (time.Duration, error) {
	text := strings.TrimSpace(value)
	if text == "infinity" {
		return Infinity, nil
	}
	if text == "" {
		return 0, fmt.Errorf("empty time span")
	}
	var total time.Duration
	for text != "" {
		digits := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits < 0 {
			digits = len(text)
		}
		number, err := strconv.ParseFloat(text[:digits], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time span", value)
		}
		text = strings.TrimLeft(text[digits:], " ")
		letters := strings.IndexFunc(text, func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' || r == '.' })
		if letters < 0 {
			letters = len(text)
		}
		factor, ok := timeUnits[text[:letters]]
		if !ok {
			return 0, fmt.Errorf("%q is no time span: unknown unit %q", value, text[:letters])
		}
		total += time.Duration(number * float64(factor))
		text = strings.TrimLeft(text[letters:], " ")
	}
	return total, nil
}

// ParseBool reads the words that systemd takes for yes and no.
func ParseBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", value)
}

// ParseSignal reads `SIGTERM`, `TERM` or `15`.
func ParseSignal(value string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 65 {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(value)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN+"); ok {
		if n, err := strconv.Atoi(rest); err == nil && n >= 0 && n <= 30 {
			return syscall.Signal(34 + n), nil
		}
	}
	if s := unix.SignalNum(name); s != 0 {
		return s, nil
	}
	return 0, fmt.Errorf("%q is no signal", value)
}

// SignalName gives `KILL` for 9, as systemd writes signals in its messages.
func SignalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	if s >= 34 {
		return fmt.Sprintf("RTMIN+%d", int(s)-34)
	}
	return strconv.Itoa(int(s))
}

// exitStatusNames are the names systemd gives to exit codes, in messages and in SuccessExitStatus=.
var exitStatusNames = map[int]string{
	0: "SUCCESS", 1: "FAILURE", 2: "INVALIDARGUMENT", 3: "NOTIMPLEMENTED", 4: "NOPERMISSION", 5: "NOTINSTALLED",
	6: "NOTCONFIGURED", 7: "NOTRUNNING", 64: "USAGE", 65: "DATAERR", 66: "NOINPUT", 67: "NOUSER", 68: "NOHOST",
	69: "UNAVAILABLE", 70: "SOFTWARE", 71: "OSERR", 72: "OSFILE", 73: "CANTCREAT", 74: "IOERR", 75: "TEMPFAIL",
	76: "PROTOCOL", 77: "NOPERM", 78: "CONFIG",
	200: "CHDIR", 202: "FDS", 203: "EXEC", 208: "STDIN", 209: "STDOUT", 216: "GROUP", 217: "USER", 222: "STDERR",
	233: "RUNTIME_DIRECTORY", 238: "STATE_DIRECTORY",
}

// ExitStatusName gives `203/EXEC` for 203 and plain `42` for a code without a name.
func ExitStatusName(code int) string {
	if name, ok := exitStatusNames[code]; ok {
		return fmt.Sprintf("%d/%s", code, name)
	}
	return strconv.Itoa(code)
}

// ExitSet is a set of exit codes and signals, as in SuccessExitStatus=.
type ExitSet struct {
	Codes   map[int]bool
	Signals map[syscall.Signal]bool
}

// Holds says whether a process that ended so belongs to the set.
func (s ExitSet) Holds(status syscall.WaitStatus) bool {
	if status.Signaled() {
		return s.Signals[status.Signal()]
	}
	return s.Codes[status.ExitStatus()]
}

func (s *ExitSet) add(word string) error {
	if s.Codes == nil {
		s.Codes, s.Signals = map[int]bool{}, map[syscall.Signal]bool{}
	}
	if n, err := strconv.Atoi(word); err == nil {
		if n < 0 || n > 255 {
			return fmt.Errorf("exit status %d is out of range", n)
		}
		s.Codes[n] = true
		return nil
	}
	for code, name := range exitStatusNames {
		if name == word {
			s.Codes[code] = true
			return nil
		}
	}
	signal, err := ParseSignal(word)
	if err != nil {
		return fmt.Errorf("%q is neither an exit status nor a signal", word)
	}
	s.Signals[signal] = true
	return nil
}

// ParseLimit reads `soft:hard` or one value for both; `infinity` and the suffixes K, M, G, T are understood.
func ParseLimit(value string) (unix.Rlimit, error) {
	soft, hard, both := strings.Cut(value, ":")
	if !both {
		hard = soft
	}
	low, err := parseSize(soft)
	if err != nil {
		return unix.Rlimit{}, err
	}
	high, err := parseSize(hard)
	if err != nil {
		return unix.Rlimit{}, err
	}
	if low > high {
		return unix.Rlimit{}, fmt.Errorf("the soft limit %s is above the hard limit %s", soft, hard)
	}
	return unix.Rlimit{Cur: low, Max: high}, nil
}

func parseSize(value string) (uint64, error) {
	if value == "infinity" {
		return unix.RLIM_INFINITY, nil
	}
	factor := uint64(1)
	if n := len(value); n > 0 {
		if at := strings.IndexByte("KMGT", value[n-1]); at >= 0 {
			factor = 1 << (10 * (at + 1))
			value = value[:n-1]
		}
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no limit", value)
	}
	return n * factor, nil
}
