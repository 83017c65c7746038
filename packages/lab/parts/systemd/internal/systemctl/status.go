package systemctl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journalctl"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

func (c *command) status(names []string) int {
	units, err := c.query(names)
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	code := 0
	for i, u := range units {
		if u.LoadState == "not-found" && u.ActiveState == "inactive" {
			fmt.Fprintf(c.err, "Unit %s could not be found.\n", u.ID)
			code = max(code, 4)
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		c.printStatus(u)
		if u.ActiveState != "active" && u.ActiveState != "reloading" {
			code = max(code, 3)
		}
	}
	return code
}

func (c *command) printStatus(u control.Status) {
	dot := "○"
	switch u.ActiveState {
	case "active", "reloading", "activating", "deactivating":
		dot = "●"
	case "failed":
		dot = "×"
	}
	line := func(label, format string, args ...any) {
		fmt.Fprintf(c.out, "%11s: %s\n", label, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(c.out, "%s %s - %s\n", dot, u.ID, u.Description)
	switch u.LoadState {
	case "masked":
		line("Loaded", "masked (Reason: Unit %s is masked.)", u.ID)
	case "loaded":
		if u.FileState == "enabled" || u.FileState == "disabled" {
			line("Loaded", "loaded (%s; %s; preset: enabled)", u.Path, u.FileState)
		} else {
			line("Loaded", "loaded (%s; %s)", u.Path, u.FileState)
		}
	default:
		line("Loaded", "%s (Reason: %s)", u.LoadState, u.LoadError)
	}
	for i, path := range u.DropIns {
		label := "Drop-In"
		if i > 0 {
			fmt.Fprintf(c.out, "%13s%s\n", "", path)
			continue
		}
		line(label, "%s", path)
	}
	active := u.ActiveState + " (" + u.SubState + ")"
	if u.ActiveState == "failed" {
		active = "failed (Result: " + u.Result + ")"
	} else if u.SubState == "auto-restart" {
		active += " (Result: " + u.Result + ")"
	}
	since := map[string]int64{"active": u.ActiveEnter, "reloading": u.ActiveEnter, "inactive": u.InactiveEnter, "failed": u.InactiveEnter}[u.ActiveState]
	if since == 0 {
		since = u.StateChange
	}
	if since != 0 {
		at := time.UnixMicro(since)
		active += " since " + timestamp(since) + "; " + ago(time.Since(at)) + " ago"
	}
	line("Active", "%s", active)
	if u.Condition != "" {
		line("Condition", "start condition failed: %s was not met", u.Condition)
	}
	for i, page := range u.Documentation {
		if i == 0 {
			line("Docs", "%s", page)
		} else {
			fmt.Fprintf(c.out, "%13s%s\n", "", page)
		}
	}
	switch {
	case u.MainPID != 0:
		line("Main PID", "%d (%s)", u.MainPID, u.MainName)
	case u.MainExit != nil && u.LastMainPID != 0:
		line("Main PID", "%d (code=%s, %s)", u.LastMainPID, u.MainExit.Code, exitText(u.MainExit))
	case u.MainExit != nil:
		line("Process", "(code=%s, %s)", u.MainExit.Code, exitText(u.MainExit))
	}
	if u.StatusText != "" {
		line("Status", "%q", u.StatusText)
	}
	if len(u.Processes) > 0 {
		line("Tasks", "%d", len(u.Processes))
		// systemd shows the control group here; without one these are the processes below the service's keeper.
		for i, process := range u.Processes {
			branch := "├─"
			if i == len(u.Processes)-1 {
				branch = "└─"
			}
			if i == 0 {
				line("Processes", "%s", u.ID)
			}
			fmt.Fprintf(c.out, "%13s%s%d %s\n", "", branch, process.PID, process.Command)
		}
	}
	entries := tail(u.ID, c.options.lines)
	if len(entries) > 0 {
		fmt.Fprintln(c.out)
		journalctl.Print(c.out, entries, "short")
	}
	if u.Stale {
		fmt.Fprintf(c.out, "\nWarning: The unit file, source configuration file or drop-ins of %s changed on disk. "+
			"Run 'systemctl daemon-reload' to reload units.\n", u.ID)
	}
}

func exitText(exit *control.Exit) string {
	if exit.Code == "exited" {
		return "status=" + unit.ExitStatusName(exit.Status)
	}
	return "signal=" + signalName(exit.Status)
}

func timestamp(micros int64) string {
	if micros == 0 {
		return ""
	}
	return time.UnixMicro(micros).Format("Mon 2006-01-02 15:04:05 MST")
}

func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dmin %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dmin", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func (c *command) systemStatus() int {
	answer, err := control.Call(control.Request{Verb: "list"})
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	host, _ := os.Hostname()
	failed := 0
	for _, u := range answer.Units {
		if u.ActiveState == "failed" {
			failed++
		}
	}
	fmt.Fprintf(c.out, "● %s\n    State: %s\n    Units: %d loaded\n   Failed: %d units\n", host, answer.System, len(answer.Units), failed)
	return 0
}

func (c *command) listUnits(patterns []string) int {
	answer, err := control.Call(control.Request{Verb: "list"})
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	sort.Slice(answer.Units, func(i, j int) bool { return answer.Units[i].ID < answer.Units[j].ID })
	var shown []control.Status
	for _, u := range answer.Units {
		switch {
		case !c.options.all && u.ActiveState == "inactive" && len(c.options.states) == 0,
			len(c.options.types) > 0 && !slices.Contains(c.options.types, unit.TypeOf(u.ID)),
			len(c.options.states) > 0 && !slices.Contains(c.options.states, u.ActiveState) && !slices.Contains(c.options.states, u.SubState),
			!matchesAny(patterns, u.ID):
			continue
		}
		shown = append(shown, u)
	}
	width := 4
	for _, u := range shown {
		width = max(width, len(u.ID))
	}
	legend := !c.options.noLegend && !c.options.quiet
	if legend {
		fmt.Fprintf(c.out, "  %-*s %-9s %-8s %-12s %s\n", width, "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION")
	}
	for _, u := range shown {
		mark := "  "
		if u.ActiveState == "failed" {
			mark = "● "
		}
		if c.options.plain {
			mark = ""
		}
		fmt.Fprintf(c.out, "%s%-*s %-9s %-8s %-12s %s\n", mark, width, u.ID, u.LoadState, u.ActiveState, u.SubState, u.Description)
	}
	if legend {
		fmt.Fprintf(c.out, "\n%d loaded units listed.\n", len(shown))
	}
	return 0
}

func (c *command) listUnitFiles(patterns []string) int {
	names := slices.DeleteFunc(c.loader.Names(), func(name string) bool {
		return !matchesAny(patterns, name) || len(c.options.types) > 0 && !slices.Contains(c.options.types, unit.TypeOf(name))
	})
	width := len("UNIT FILE")
	for _, name := range names {
		width = max(width, len(name))
	}
	if !c.options.noLegend {
		fmt.Fprintf(c.out, "%-*s %-10s %s\n", width, "UNIT FILE", "STATE", "PRESET")
	}
	for _, name := range names {
		fmt.Fprintf(c.out, "%-*s %-10s %s\n", width, name, c.loader.FileState(name), "-")
	}
	if !c.options.noLegend {
		fmt.Fprintf(c.out, "\n%d unit files listed.\n", len(names))
	}
	return 0
}

func matchesAny(patterns []string, name string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := filepath.Match(pattern, name)
		return err == nil && matched || pattern == name || pattern+".service" == name
	})
}

func (c *command) show(names []string) int {
	units, err := c.query(names)
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	for i, u := range units {
		if i > 0 && !c.options.value {
			fmt.Fprintln(c.out)
		}
		c.printProperties(properties(u))
	}
	return 0
}

func (c *command) showManager() int {
	answer, err := control.Call(control.Request{Verb: "status"})
	if err != nil {
		fmt.Fprintln(c.err, err)
		return 1
	}
	c.printProperties([][2]string{{"Version", fmt.Sprint(Version)}, {"SystemState", answer.System}, {"Architecture", "x86-64"}})
	return 0
}

// printProperties prints all, or those asked for with -p, in the order that they were asked for.
func (c *command) printProperties(all [][2]string) {
	emit := func(property [2]string) {
		if c.options.value {
			fmt.Fprintln(c.out, property[1])
		} else {
			fmt.Fprintf(c.out, "%s=%s\n", property[0], property[1])
		}
	}
	if len(c.options.properties) == 0 {
		for _, property := range all {
			emit(property)
		}
		return
	}
	for _, wanted := range c.options.properties {
		for _, property := range all {
			if property[0] == wanted {
				emit(property)
			}
		}
	}
}

func properties(u control.Status) [][2]string {
	number := func(n int) string { return fmt.Sprint(n) }
	exitCode, exitStatus, exitAt := "0", "0", int64(0)
	if u.MainExit != nil {
		exitCode = map[string]string{"exited": "1", "killed": "2", "dumped": "3"}[u.MainExit.Code]
		exitStatus, exitAt = number(u.MainExit.Status), u.MainExit.At
	}
	names := u.ID
	result := [][2]string{
		{"Id", u.ID}, {"Names", names}, {"Description", u.Description}, {"LoadState", u.LoadState},
		{"ActiveState", u.ActiveState}, {"SubState", u.SubState}, {"Result", u.Result}, {"FragmentPath", u.Path},
		{"DropInPaths", strings.Join(u.DropIns, " ")}, {"UnitFileState", u.FileState}, {"UnitFilePreset", "enabled"},
		{"SourcePath", ""}, {"NeedDaemonReload", yesNo(u.Stale)}, {"Triggers", ""}, {"TriggeredBy", ""},
		{"InvocationID", u.InvocationID}, {"StateChangeTimestamp", timestamp(u.StateChange)},
		{"ActiveEnterTimestamp", timestamp(u.ActiveEnter)}, {"ActiveExitTimestamp", timestamp(u.ActiveExit)},
		{"InactiveEnterTimestamp", timestamp(u.InactiveEnter)}, {"InactiveExitTimestamp", timestamp(u.InactiveExit)},
	}
	if unit.TypeOf(u.ID) == "service" {
		main := u.MainPID
		if main == 0 {
			main = u.LastMainPID
		}
		result = append(result, [2]string{"MainPID", number(u.MainPID)}, [2]string{"ControlPID", number(u.ControlPID)},
			[2]string{"NRestarts", number(u.Restarts)}, [2]string{"StatusText", u.StatusText},
			[2]string{"ExecMainPID", number(main)}, [2]string{"ExecMainCode", exitCode}, [2]string{"ExecMainStatus", exitStatus},
			[2]string{"ExecMainStartTimestamp", timestamp(u.MainStart)}, [2]string{"ExecMainExitTimestamp", timestamp(exitAt)},
			[2]string{"TasksCurrent", number(len(u.Processes))})
	}
	if u.LoadError != "" {
		result = append(result, [2]string{"LoadError", u.LoadError})
	}
	return append(result, u.Properties...)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
