package unit

import (
	"syscall"
	"testing"
	"time"
)

func TestTimeSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10": 10 * time.Second, "100ms": 100 * time.Millisecond, "1min 30s": 90 * time.Second, "5min20s": 320 * time.Second,
		"1.5h": 90 * time.Minute, "0": 0, "infinity": Infinity, "2d": 48 * time.Hour, "7 sec": 7 * time.Second,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "10 parsecs", "-5s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestSignals(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"SIGTERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "9": syscall.SIGKILL, "SIGRTMIN+4": 38,
	} {
		if got, err := ParseSignal(text); err != nil || got != want {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
	if got, err := ParseSignal("SIGNOPE"); err == nil {
		t.Errorf("got %v", got)
	}
	if got := SignalName(syscall.SIGKILL); got != "KILL" {
		t.Errorf("got %s", got)
	}
}

func TestLimits(t *testing.T) {
	limit, err := ParseLimit("1024:2K")
	if err != nil || limit.Cur != 1024 || limit.Max != 2048 {
		t.Fatalf("got %v (%v)", limit, err)
	}
	if limit, err := ParseLimit("infinity"); err != nil || limit.Cur != ^uint64(0) {
		t.Fatalf("got %v (%v)", limit, err)
	}
	if _, err := ParseLimit("10:5"); err == nil {
		t.Fatal("a soft limit above the hard one was taken")
	}
}

func TestExitSets(t *testing.T) {
	var set ExitSet
	for _, word := range []string{"42", "TEMPFAIL", "SIGUSR1"} {
		if err := set.add(word); err != nil {
			t.Fatal(err)
		}
	}
	exited := func(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }
	if !set.Holds(exited(42)) || !set.Holds(exited(75)) || set.Holds(exited(1)) ||
		!set.Holds(syscall.WaitStatus(syscall.SIGUSR1)) || set.Holds(syscall.WaitStatus(syscall.SIGKILL)) {
		t.Fatalf("got %v", set)
	}
	if err := set.add("256"); err == nil {
		t.Fatal("256 was taken for an exit code")
	}
}

func TestEnvironmentFiles(t *testing.T) {
	text := `# a comment
; another
A=plain value  
B="quoted \"value\" $HOME"
C='single "quotes" \n'
D=joined\
lines
E=a"b c"'d'
 F = spaced
export G=exported
not an assignment
H=
1X=no name`
	want := []string{"A=plain value", `B=quoted "value" $HOME`, `C=single "quotes" \n`, "D=joinedlines", "E=ab cd", "F=spaced", "G=exported", "H="}
	got := ParseEnvironmentFile(text)
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}
