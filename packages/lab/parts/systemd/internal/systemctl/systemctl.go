// Package systemctl is the command of that name: systemd's verbs, exit codes and output, as far as scripts, package
// scripts and people rely on them.
package systemctl

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// Version is the systemd whose behaviour this follows; package scripts compare it.
const Version = 252

type options struct {
	now, quiet, noBlock, noLegend, all, value, full, force, runtime, noReload, plain bool
	lines                                                                            int
	signal, who                                                                      string
	properties, types, states                                                        []string
	root                                                                             string
}

type command struct {
	out, err io.Writer
	options  options
	loader   *unit.Loader
}

// Main runs systemctl and gives its exit code.
func Main(args []string, out, errOut io.Writer) int {
	c := &command{out: out, err: errOut, options: options{lines: 10, signal: "SIGTERM", who: "all"}}
	words, err := c.options.parse(args)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 1
	}
	c.loader = &unit.Loader{Root: c.options.root, Machine: unit.ReadMachine(c.options.root)}
	verb := "list-units"
	if len(words) > 0 {
		verb, words = words[0], words[1:]
	}
	return c.run(verb, words)
}

func (o *options) parse(args []string) (words []string, err error) {
	flags := map[string]*bool{
		"--now": &o.now, "--quiet": &o.quiet, "-q": &o.quiet, "--no-block": &o.noBlock, "--no-legend": &o.noLegend,
		"--all": &o.all, "-a": &o.all, "--value": &o.value, "--full": &o.full, "-l": &o.full, "--force": &o.force,
		"-f": &o.force, "--runtime": &o.runtime, "--no-reload": &o.noReload, "--plain": &o.plain,
		"--failed": nil, "--system": nil, "--no-pager": nil, "--no-ask-password": nil, "--no-wall": nil, "--wait": nil,
		"--show-types": nil, "--no-warn": nil,
	}
	values := map[string]func(string) error{
		"--property": func(v string) error { o.properties = append(o.properties, strings.Split(v, ",")...); return nil },
		"--type":     func(v string) error { o.types = append(o.types, strings.Split(v, ",")...); return nil },
		"--state":    func(v string) error { o.states = append(o.states, strings.Split(v, ",")...); return nil },
		"--signal":   func(v string) error { o.signal = v; return nil },
		"--kill-who": func(v string) error { o.who = v; return nil }, "--kill-whom": func(v string) error { o.who = v; return nil },
		"--root":   func(v string) error { o.root = strings.TrimSuffix(v, "/"); return nil },
		"--lines":  func(v string) error { _, err := fmt.Sscanf(v, "%d", &o.lines); return err },
		"--output": func(string) error { return nil }, "--job-mode": func(string) error { return nil },
		"--preset-mode": func(string) error { return nil }, "--legend": func(v string) error { o.noLegend = v == "false"; return nil },
	}
	short := map[byte]string{'p': "--property", 't': "--type", 's': "--signal", 'n': "--lines", 'o': "--output"}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(words, args[i+1:]...), nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			words = append(words, arg)
			continue
		}
		if arg == "--failed" {
			o.states = append(o.states, "failed")
		}
		if arg == "--version" || arg == "--help" || arg == "-h" {
			return []string{strings.TrimLeft(arg, "-")}, nil
		}
		if flag, known := flags[arg]; known {
			if flag != nil {
				*flag = true
			}
			continue
		}
		name, value, attached := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") {
			long, known := short[arg[1]]
			if !known {
				return nil, fmt.Errorf("systemctl: invalid option -- '%c'", arg[1])
			}
			name, value, attached = long, arg[2:], len(arg) > 2
		}
		set, known := values[name]
		if !known {
			return nil, fmt.Errorf("systemctl: unrecognized option '%s'", arg)
		}
		if !attached {
			if i++; i == len(args) {
				return nil, fmt.Errorf("systemctl: option '%s' requires an argument", name)
			}
			value = args[i]
		}
		if err := set(value); err != nil {
			return nil, fmt.Errorf("systemctl: %s: %q can't be read", name, value)
		}
	}
	return words, nil
}

const usage = `systemctl [OPTIONS...] COMMAND ...

Query or send control commands to this machine's service manager, which follows systemd in what it does.

  list-units, list-unit-files, status, show, cat, is-active, is-failed, is-enabled, is-system-running,
  start, stop, restart, try-restart, reload, reload-or-restart, kill, reset-failed,
  enable, disable, reenable, mask, unmask, preset, daemon-reload, get-default, reboot, poweroff
`

func (c *command) run(verb string, words []string) int {
	switch verb {
	case "version":
		fmt.Fprintf(c.out, "systemd %d (%d-meshlift-lab)\n", Version, Version)
		return 0
	case "help":
		fmt.Fprint(c.out, usage)
		return 0
	case "daemon-reload", "daemon-reexec":
		return c.ask(control.Request{Verb: "daemon-reload"})
	case "reboot", "poweroff", "halt":
		if verb == "halt" {
			verb = "poweroff"
		}
		return c.ask(control.Request{Verb: verb})
	case "list-units":
		return c.listUnits(words)
	case "list-unit-files":
		return c.listUnitFiles(words)
	case "list-jobs":
		fmt.Fprintln(c.out, "No jobs running.")
		return 0
	case "is-system-running":
		return c.isSystemRunning()
	case "get-default":
		fmt.Fprintln(c.out, c.loader.Load("default.target").Name)
		return 0
	case "show-environment":
		fmt.Fprintln(c.out, "LANG=C.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		return 0
	case "status":
		if len(words) == 0 {
			return c.systemStatus()
		}
	case "reset-failed":
	case "show":
		if len(words) == 0 {
			return c.showManager()
		}
	default:
		if len(words) == 0 && slices.Contains(verbsWithUnits, verb) {
			fmt.Fprintln(c.err, "Too few arguments.")
			return 1
		}
	}
	names := make([]string, 0, len(words))
	for _, word := range words {
		name, err := unit.Mangle(strings.TrimPrefix(word, "/etc/systemd/system/"))
		if err != nil {
			fmt.Fprintf(c.err, "%v\n", err)
			return 1
		}
		names = append(names, name)
	}
	switch verb {
	case "start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "try-reload-or-restart", "reset-failed":
		return c.ask(control.Request{Verb: verb, Units: names, NoBlock: c.options.noBlock})
	case "condrestart":
		return c.ask(control.Request{Verb: "try-restart", Units: names, NoBlock: c.options.noBlock})
	case "force-reload":
		return c.ask(control.Request{Verb: "reload-or-restart", Units: names, NoBlock: c.options.noBlock})
	case "kill":
		signal, err := unit.ParseSignal(c.options.signal)
		if err != nil {
			fmt.Fprintf(c.err, "Failed to parse signal string %s.\n", c.options.signal)
			return 1
		}
		return c.ask(control.Request{Verb: "kill", Units: names, Signal: int(signal), Who: c.options.who})
	case "status":
		return c.status(names)
	case "show":
		return c.show(names)
	case "cat":
		return c.cat(names)
	case "is-active":
		return c.isActive(names, []string{"active", "reloading"}, 3)
	case "is-failed":
		return c.isActive(names, []string{"failed"}, 1)
	case "is-enabled":
		return c.isEnabled(names)
	case "enable", "disable", "reenable", "mask", "unmask", "preset":
		return c.install(verb, names)
	}
	fmt.Fprintf(c.err, "Unknown command verb %s.\n", verb)
	return 1
}

var verbsWithUnits = []string{
	"start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "try-reload-or-restart", "condrestart",
	"force-reload", "kill", "cat", "is-active", "is-failed", "is-enabled", "enable", "disable", "reenable", "mask",
	"unmask", "preset",
}

// ask has init do something and prints what went wrong.
func (c *command) ask(request control.Request) int {
	answer, err := control.Call(request)
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	if answer.Error != "" {
		what := request.Verb
		if len(request.Units) > 0 {
			what += " " + strings.Join(request.Units, " ")
		}
		fmt.Fprintf(c.err, "Failed to %s: %s\n", what, answer.Error)
		if answer.Denied {
			fmt.Fprintln(c.err, "Only root may do this: try it with sudo.")
		}
		return 1
	}
	code := 0
	for _, result := range answer.Results {
		if result.Stale {
			fmt.Fprintf(c.err, "Warning: The unit file, source configuration file or drop-ins of %s changed on disk. "+
				"Run 'systemctl daemon-reload' to reload units.\n", result.Unit)
		}
		if result.Error != "" {
			fmt.Fprintln(c.err, result.Error)
		}
		code = max(code, result.Code)
	}
	return code
}

// query asks init about units; without init it gives nothing.
func (c *command) query(names []string) ([]control.Status, error) {
	answer, err := control.Call(control.Request{Verb: "status", Units: names})
	return answer.Units, err
}

func (c *command) isActive(names []string, good []string, otherwise int) int {
	units, err := c.query(names)
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	code := otherwise
	for _, u := range units {
		if !c.options.quiet {
			fmt.Fprintln(c.out, u.ActiveState)
		}
		if slices.Contains(good, u.ActiveState) {
			code = 0
		} else if code != 0 && u.LoadState == "not-found" && otherwise == 3 {
			code = 4
		}
	}
	return code
}

func (c *command) isSystemRunning() int {
	answer, err := control.Call(control.Request{Verb: "status"})
	if err != nil {
		if !c.options.quiet {
			fmt.Fprintln(c.out, "offline")
		}
		return 1
	}
	if !c.options.quiet {
		fmt.Fprintln(c.out, answer.System)
	}
	if answer.System == "running" {
		return 0
	}
	return 1
}

func (c *command) isEnabled(names []string) int {
	code := 1
	for _, name := range names {
		state := c.loader.FileState(name)
		switch state {
		case "":
			if !c.options.quiet {
				fmt.Fprintf(c.err, "Failed to get unit file state for %s: No such file or directory\n", name)
			}
			continue
		case "enabled", "static", "alias", "indirect":
			code = 0
		}
		if !c.options.quiet {
			fmt.Fprintln(c.out, state)
		}
	}
	return code
}

func (c *command) install(verb string, names []string) int {
	if os.Geteuid() != 0 {
		fmt.Fprintf(c.err, "Failed to %s unit: Access denied\nOnly root may do this: try it with sudo.\n", verb)
		return 1
	}
	for _, name := range names {
		lines, err := c.change(verb, name)
		for _, line := range lines {
			if line != "" && !c.options.quiet {
				fmt.Fprintln(c.err, line)
			}
		}
		if unit.IsNotInstallable(err) {
			fmt.Fprintln(c.err, err)
			continue
		}
		if err != nil {
			fmt.Fprintln(c.err, err)
			return 1
		}
	}
	if c.options.root != "" || c.options.noReload {
		return 0
	}
	// In a chroot there is nobody to tell, and the links alone are what was asked for.
	if _, err := control.Call(control.Request{Verb: "daemon-reload"}); err != nil {
		return 0
	}
	if !c.options.now {
		return 0
	}
	switch verb {
	case "enable", "reenable":
		return c.ask(control.Request{Verb: "start", Units: names, NoBlock: c.options.noBlock})
	case "disable", "mask":
		return c.ask(control.Request{Verb: "stop", Units: names, NoBlock: c.options.noBlock})
	}
	return 0
}

func (c *command) change(verb, name string) ([]string, error) {
	switch verb {
	case "disable":
		return c.loader.Disable(name)
	case "reenable":
		if _, err := c.loader.Disable(name); err != nil {
			return nil, err
		}
		return c.loader.Enable(name)
	case "mask":
		line, err := c.loader.Mask(name)
		return []string{line}, err
	case "unmask":
		line, err := c.loader.Unmask(name)
		return []string{line}, err
	}
	return c.loader.Enable(name) // Debian's preset enables everything, too
}

func (c *command) cat(names []string) int {
	code := 0
	for i, name := range names {
		u := c.loader.Load(name)
		if u.Path == "" {
			fmt.Fprintf(c.err, "No files found for %s.\n", name)
			code = 1
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		for j, path := range append([]string{u.Path}, u.DropIns...) {
			if j > 0 {
				fmt.Fprintln(c.out)
			}
			fmt.Fprintf(c.out, "# %s\n", path)
			text, err := os.ReadFile(c.options.root + path)
			if err != nil {
				fmt.Fprintf(c.err, "Failed to cat %s: %v\n", path, err)
				code = 1
				continue
			}
			c.out.Write(text)
		}
	}
	return code
}

// tail gives a unit's last journal lines; who may not read the journal gets none.
func tail(name string, n int) []journal.Entry {
	if n == 0 {
		return nil
	}
	entries, err := journal.Tail(n, func(e journal.Entry) bool { return e.Unit == name })
	if err != nil {
		return nil
	}
	return entries
}

func signalName(number int) string { return unit.SignalName(syscall.Signal(number)) }
