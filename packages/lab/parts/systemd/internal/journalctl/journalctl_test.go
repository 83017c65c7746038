package journalctl

import (
	"slices"
	"strings"
	"testing"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/journal"
)

var now = time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)

func TestOptionsAsPeopleTypeThem(t *testing.T) {
	for text, check := range map[string]func(options) bool{
		"-u ssh":                      func(o options) bool { return slices.Equal(o.units, []string{"ssh.service"}) && o.lines == -1 },
		"-xeu ssh --no-pager":         func(o options) bool { return slices.Equal(o.units, []string{"ssh.service"}) && o.lines == 1000 },
		"-fu istio.service":           func(o options) bool { return o.follow && o.units[0] == "istio.service" },
		"-u a -u b -n 5 -o cat":       func(o options) bool { return len(o.units) == 2 && o.lines == 5 && o.output == "cat" },
		"-n5 -r":                      func(o options) bool { return o.lines == 5 && o.reverse },
		"-n -f":                       func(o options) bool { return o.lines == 10 && o.follow },
		"--unit=a --lines=all -b":     func(o options) bool { return o.lines == -1 && o.boot },
		"-p err -t sshd":              func(o options) bool { return o.priority == journal.Error && o.identifiers[0] == "sshd" },
		"--since=-5min --until=today": func(o options) bool { return o.since == now.Add(-5*time.Minute).UnixMicro() && o.until != 0 },
	} {
		o, err := parse(strings.Fields(text), now)
		if err != nil || !check(o) {
			t.Errorf("%s: got %+v (%v)", text, o, err)
		}
	}
}

func TestOptionsThatMeanNothingAreRefused(t *testing.T) {
	for _, text := range []string{"--frob", "-u", "-o fancy", "-n many", "--since=whenever", "_PID=1"} {
		if o, err := parse(strings.Fields(text), now); err == nil {
			t.Errorf("%s: got %+v", text, o)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-23 12:00:01": time.Date(2026, 11, 23, 12, 0, 1, 0, time.UTC),
		"2026-11-22":          time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		"today":               time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		"yesterday":           time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		"10 min ago":          now.Add(-10 * time.Minute),
		"-90":                 now.Add(-90 * time.Second),
		"@1700000000":         time.Unix(1700000000, 0),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
}

func TestEntriesAreChosen(t *testing.T) {
	entries := []journal.Entry{
		{Unit: "a.service", Identifier: "x", Priority: journal.Info, Time: 1},
		{Unit: "web@1.service", Identifier: "y", Priority: journal.Error, Time: 2},
		{Identifier: "sudo", Priority: journal.Notice, Time: 3},
	}
	for text, want := range map[string]string{
		"": "1 2 3", "-u a": "1", "-u web@*.service": "2", "-p err": "2", "-t sudo": "3", "-u a -t y": "",
	} {
		o, err := parse(strings.Fields(text), now)
		if err != nil {
			t.Fatal(err)
		}
		matches, err := o.filter()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			if matches(e) {
				got = append(got, string(rune('0'+e.Time)))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 3, 6, 5, 4, 0, time.Local)
	entry := journal.Entry{Time: at.UnixMicro(), Unit: "a.service", Identifier: "sh", PID: 12, Message: "one\ntwo"}
	show := func(format string) string {
		var out strings.Builder
		Print(&out, []journal.Entry{entry}, format)
		return out.String()
	}
	if got := show("cat"); got != "one\ntwo\n" {
		t.Errorf("got %q", got)
	}
	first, second, _ := strings.Cut(show("short"), "\n")
	if !strings.HasPrefix(first, "Nov 03 06:05:04 ") || !strings.HasSuffix(first, " sh[12]: one") {
		t.Errorf("got %q", first)
	}
	if strings.Index(second, "two") != strings.Index(first, "one") {
		t.Errorf("the second line isn't below the first:\n%s\n%s", first, second)
	}
	if got := show("json"); !strings.Contains(got, `"MESSAGE":"one\ntwo"`) || !strings.Contains(got, `"_SYSTEMD_UNIT":"a.service"`) {
		t.Errorf("got %s", got)
	}
}
