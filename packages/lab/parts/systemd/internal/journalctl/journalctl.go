// Package journalctl is the command of that name, for the plain journal that init writes.
package journalctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

type options struct {
	units, identifiers []string
	follow, reverse    bool
	quiet              bool
	lines              int // -1: all
	output             string
	boot               bool
	priority           int
	since, until       int64
	grep               string
}

// Main runs journalctl and gives its exit code.
func Main(args []string, out, errOut io.Writer) int {
	o, err := parse(args, time.Now())
	if errors.Is(err, errDone) {
		fmt.Fprintln(out, "systemd 252 (252-meshlift-lab)")
		return 0
	}
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 1
	}
	matches, err := o.filter()
	if err != nil {
		return fail(errOut, err)
	}
	lines := o.lines
	if o.follow && lines == -1 {
		lines = 10
	}
	entries, err := journal.Tail(lines, matches)
	if err != nil {
		return fail(errOut, err)
	}
	if o.reverse {
		slices.Reverse(entries)
	}
	if len(entries) == 0 && !o.follow {
		if !o.quiet {
			fmt.Fprintln(out, "-- No entries --")
		}
		return 0
	}
	Print(out, entries, o.output)
	if !o.follow {
		return 0
	}
	after := time.Now().UnixMicro()
	if len(entries) > 0 {
		after = entries[len(entries)-1].Time
	} else if first, err := journal.Tail(1, func(journal.Entry) bool { return true }); err == nil && len(first) > 0 {
		after = first[0].Time
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err = journal.Follow(ctx, after, matches, func(e journal.Entry) { Print(out, []journal.Entry{e}, o.output) })
	if err != nil {
		return fail(errOut, err)
	}
	return 0
}

func fail(errOut io.Writer, err error) int {
	if errors.Is(err, fs.ErrPermission) {
		fmt.Fprintln(errOut, "Hint: You are currently not seeing messages from other users and the system.\n"+
			"      Users in groups 'adm' can see all messages.\nNo journal files were opened due to insufficient permissions.")
		return 1
	}
	fmt.Fprintln(errOut, err)
	return 1
}

var errDone = errors.New("done")

func parse(args []string, now time.Time) (options, error) {
	o := options{lines: -1, output: "short", priority: journal.Debug}
	takesValue := map[string]string{
		"-u": "--unit", "-n": "--lines", "-o": "--output", "-p": "--priority", "-t": "--identifier", "-S": "--since",
		"-U": "--until", "-g": "--grep",
	}
	long := []string{"--unit", "--lines", "--output", "--priority", "--identifier", "--since", "--until", "--grep"}
	flags := map[string]func(){
		"-f": func() { o.follow = true }, "--follow": func() { o.follow = true },
		"-r": func() { o.reverse = true }, "--reverse": func() { o.reverse = true },
		"-q": func() { o.quiet = true }, "--quiet": func() { o.quiet = true },
		"-e": func() {
			if o.lines == -1 {
				o.lines = 1000
			}
		},
		"--pager-end": func() {}, "--no-pager": func() {}, "-x": func() {}, "--catalog": func() {}, "-a": func() {},
		"--all": func() {}, "-l": func() {}, "--full": func() {}, "--no-full": func() {}, "--no-hostname": func() {},
		"--system": func() {}, "-m": func() {}, "--merge": func() {}, "--utc": func() {}, "--no-tail": func() { o.lines = -1 },
		"-k": func() { o.identifiers = append(o.identifiers, "kernel") }, "--dmesg": func() { o.identifiers = append(o.identifiers, "kernel") },
	}
	// -xeu is -x -e -u
	var split []string
	for _, arg := range args {
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			for j := 1; j < len(arg); j++ {
				letter := "-" + arg[j:j+1]
				split = append(split, letter)
				if takesValue[letter] != "" || letter == "-b" {
					if j+1 < len(arg) {
						split = append(split, arg[j+1:])
					}
					break
				}
			}
			continue
		}
		split = append(split, arg)
	}
	for i := 0; i < len(split); i++ {
		arg := split[i]
		if arg == "--version" {
			return o, errDone
		}
		if flag, ok := flags[arg]; ok {
			flag()
			continue
		}
		name, value, attached := strings.Cut(arg, "=")
		if name == "-b" || name == "--boot" {
			if !attached && i+1 < len(split) && (split[i+1] == "0" || split[i+1] == "all") {
				i++
				value = split[i]
			}
			o.boot = value != "all"
			continue
		}
		if long, ok := takesValue[name]; ok {
			name = long
		}
		if !slices.Contains(long, name) {
			return o, fmt.Errorf("journalctl: unrecognized option or match '%s'", arg)
		}
		if !attached {
			if name == "--lines" && (i+1 == len(split) || strings.HasPrefix(split[i+1], "-")) {
				o.lines = 10 // a bare -n
				continue
			}
			if i++; i == len(split) {
				return o, fmt.Errorf("journalctl: option '%s' requires an argument", name)
			}
			value = split[i]
		}
		if err := o.set(name, value, now); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *options) set(name, value string, now time.Time) error {
	switch name {
	case "--unit":
		unitName, err := unit.Mangle(value)
		o.units = append(o.units, unitName)
		return err
	case "--identifier":
		o.identifiers = append(o.identifiers, value)
	case "--lines":
		if value == "all" {
			o.lines = -1
			return nil
		}
		n, err := strconv.Atoi(strings.TrimPrefix(value, "+"))
		if err != nil || n < 0 {
			return fmt.Errorf("Failed to parse lines '%s'", value)
		}
		o.lines = n
	case "--output":
		if !slices.Contains([]string{"short", "short-full", "short-iso", "short-precise", "short-unix", "cat", "json", "with-unit"}, value) {
			return fmt.Errorf("Unknown output format '%s'.", value)
		}
		o.output = value
	case "--priority":
		names := []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
		if at := slices.Index(names, value); at >= 0 {
			o.priority = at
			return nil
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 7 {
			return fmt.Errorf("Unknown log level %s", value)
		}
		o.priority = n
	case "--grep":
		o.grep = value
	case "--since", "--until":
		at, err := parseTime(value, now)
		if err != nil {
			return err
		}
		if name == "--since" {
			o.since = at.UnixMicro()
		} else {
			o.until = at.UnixMicro()
		}
	}
	return nil
}

// parseTime reads what --since takes: a date and time, `today`, `-5min`, `5 min ago`, `@1700000000`.
func parseTime(value string, now time.Time) (time.Time, error) {
	switch value {
	case "now":
		return now, nil
	case "today":
		return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()), nil
	case "yesterday":
		return time.Date(now.Year(), now.Month(), now.Day()-1, 0, 0, 0, 0, now.Location()), nil
	}
	if seconds, ok := strings.CutPrefix(value, "@"); ok {
		if n, err := strconv.ParseFloat(seconds, 64); err == nil {
			return time.UnixMicro(int64(n * 1e6)), nil
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
		time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, value, now.Location()); err == nil {
			return at, nil
		}
	}
	span, past := strings.CutPrefix(value, "-")
	if before, ago := strings.CutSuffix(value, " ago"); ago {
		span, past = before, true
	}
	if d, err := unit.ParseDuration(span); err == nil && past {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("Failed to parse timestamp: %s", value)
}

func (o options) filter() (func(journal.Entry) bool, error) {
	boot := ""
	if o.boot {
		last, err := journal.Tail(1, func(journal.Entry) bool { return true })
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			boot = last[0].Boot
		}
	}
	matchesUnit := func(name string) bool {
		return slices.ContainsFunc(o.units, func(pattern string) bool {
			matched, err := filepath.Match(pattern, name)
			return pattern == name || err == nil && matched
		})
	}
	return func(e journal.Entry) bool {
		return (len(o.units) == 0 || matchesUnit(e.Unit)) &&
			(len(o.identifiers) == 0 || slices.Contains(o.identifiers, e.Identifier)) &&
			(boot == "" || e.Boot == boot) && e.Priority <= o.priority &&
			(o.since == 0 || e.Time >= o.since) && (o.until == 0 || e.Time <= o.until) &&
			(o.grep == "" || strings.Contains(e.Message, o.grep))
	}, nil
}

// Print writes entries in one of journalctl's formats.
func Print(out io.Writer, entries []journal.Entry, format string) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	layout := map[string]string{
		"short": "Jan 02 15:04:05", "short-precise": "Jan 02 15:04:05.000000", "short-iso": "2006-01-02T15:04:05-0700",
		"short-full": "Mon 2006-01-02 15:04:05 MST", "with-unit": "Mon 2006-01-02 15:04:05 MST",
	}[format]
	for _, e := range entries {
		switch format {
		case "cat":
			fmt.Fprintln(out, e.Message)
			continue
		case "json":
			line, err := json.Marshal(map[string]string{
				"__REALTIME_TIMESTAMP": strconv.FormatInt(e.Time, 10), "_BOOT_ID": e.Boot, "_SYSTEMD_UNIT": e.Unit,
				"SYSLOG_IDENTIFIER": e.Identifier, "_PID": strconv.Itoa(e.PID), "PRIORITY": strconv.Itoa(e.Priority),
				"MESSAGE": e.Message, "_HOSTNAME": host,
			})
			if err == nil {
				fmt.Fprintf(out, "%s\n", line)
			}
			continue
		}
		at := e.When().Format(layout)
		if format == "short-unix" {
			at = strconv.FormatFloat(float64(e.Time)/1e6, 'f', 6, 64)
		}
		who := e.Identifier
		if format == "with-unit" && e.Unit != "" {
			who = e.Unit
		}
		if e.PID != 0 {
			who += "[" + strconv.Itoa(e.PID) + "]"
		}
		prefix := at + " " + host + " " + who + ": "
		message := strings.ReplaceAll(e.Message, "\n", "\n"+strings.Repeat(" ", len(prefix)))
		fmt.Fprintln(out, prefix+message)
	}
}
