package manager

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/keeper"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// The tests run real services, as whoever runs the tests: the test program itself serves as their keeper.
func TestMain(m *testing.M) {
	if os.Args[0] == "systemd-keeper" {
		if err := keeper.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// world is a manager over a folder of unit files. In a unit file, @ stands for a folder of the test's own.
type world struct {
	t   *testing.T
	m   *Manager
	dir string
}

func newWorld(t *testing.T, units map[string]string) *world {
	t.Helper()
	// Unix sockets need short paths.
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir}
	for _, folder := range []string{"/etc/systemd/system", "/run/notify"} {
		if err := os.MkdirAll(dir+folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range units {
		w.write(name, text)
	}
	writer, err := journal.Open(dir, "boot")
	if err != nil {
		t.Fatal(err)
	}
	w.m = newManager(&unit.Loader{Root: dir}, writer, dir+"/run")
	t.Cleanup(func() {
		w.m.mu.Lock()
		all := map[string]*node{}
		for name, n := range w.m.nodes {
			all[name] = n
		}
		w.m.mu.Unlock()
		w.m.stopAll(all)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) write(name, text string) {
	w.t.Helper()
	text = strings.ReplaceAll("[Unit]\nDefaultDependencies=no\n"+text, "@", w.dir+"/")
	if err := os.WriteFile(filepath.Join(w.dir, "/etc/systemd/system", name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// do sends a request as root and gives the outcomes' errors, joined.
func (w *world) do(verb string, units ...string) string {
	w.t.Helper()
	answer := w.m.handle(control.Request{Verb: verb, Units: units}, true)
	text := answer.Error
	for _, result := range answer.Results {
		text += result.Error
	}
	return text
}

func (w *world) must(verb string, units ...string) {
	w.t.Helper()
	if text := w.do(verb, units...); text != "" {
		w.t.Fatalf("%s %v: %s", verb, units, text)
	}
}

func (w *world) status(name string) control.Status {
	return w.m.handle(control.Request{Verb: "status", Units: []string{name}}, false).Units[0]
}

// state is `active/running`.
func (w *world) state(name string) string {
	s := w.status(name)
	return s.ActiveState + "/" + s.SubState
}

func (w *world) expect(name, state string) {
	w.t.Helper()
	if got := w.state(name); got != state {
		w.t.Fatalf("%s is %s, not %s", name, got, state)
	}
}

// eventually waits for something to become true.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("it never came to be: %s", what)
		}
	}
}

func (w *world) file(name string) string {
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z")
}

func TestASimpleServiceRunsUntilItIsStopped(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nEnvironment=\"WORDS=one two\"\nExecStart=/bin/sh -c 'echo \"$0|$1|$2\" > @out; exec sleep 1000' ${WORDS} $WORDS\n"})
	w.must("start", "a.service")
	w.expect("a.service", "active/running")
	w.eventually("its output", func() bool { return w.file("out") == "one two|one|two" })
	pid := w.status("a.service").MainPID
	w.must("stop", "a.service")
	w.expect("a.service", "inactive/dead")
	if alive(pid) {
		t.Fatal("its process is still there")
	}
}

func TestAnUnknownUnitIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.do("start", "nope.service"); !strings.Contains(got, "Unit nope.service not found.") {
		t.Fatalf("got %q", got)
	}
}

func TestOnlyRootMayChangeAnything(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sleep 1000\n"})
	answer := w.m.handle(control.Request{Verb: "start", Units: []string{"a.service"}}, false)
	if !answer.Denied {
		t.Fatalf("got %+v", answer)
	}
	w.expect("a.service", "inactive/dead")
}

func TestANotifyingServiceIsUpOnceItSaysSo(t *testing.T) {
	// A shell has no way to send a datagram; the test reports in its place.
	w := newWorld(t, map[string]string{"a.service": "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/sh -c 'echo $NOTIFY_SOCKET > @socket; exec sleep 1000'\n"})
	done := make(chan string, 1)
	go func() { done <- w.do("start", "a.service") }()
	w.eventually("a socket to report to", func() bool { return w.file("socket") != "" })
	w.expect("a.service", "activating/start")
	connection, err := dialDatagram(w.file("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := connection.Write([]byte("STATUS=here I am\nREADY=1")); err != nil {
		t.Fatal(err)
	}
	if text := <-done; text != "" {
		t.Fatal(text)
	}
	w.expect("a.service", "active/running")
	if got := w.status("a.service").StatusText; got != "here I am" {
		t.Fatalf("got %q", got)
	}
}

func TestANotifyingServiceThatEndsSilentlyOrHangsHasFailed(t *testing.T) {
	w := newWorld(t, map[string]string{
		"silent.service": "[Service]\nType=notify\nExecStart=/bin/true\n",
		"hung.service":   "[Service]\nType=notify\nTimeoutStartSec=100ms\nExecStart=/bin/sleep 1000\n",
	})
	if got := w.do("start", "silent.service"); !strings.Contains(got, "did not take the steps required") {
		t.Errorf("got %q", got)
	}
	if got := w.do("start", "hung.service"); !strings.Contains(got, "a timeout was exceeded") {
		t.Errorf("got %q", got)
	}
	w.expect("hung.service", "failed/failed")
	if s := w.status("hung.service"); s.Result != "timeout" || len(s.Processes) != 0 {
		t.Errorf("got %s, processes %v", s.Result, s.Processes)
	}
}

func TestAOneshotRunsItsCommandsInTurnAndIsOver(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "[Service]\nType=oneshot\nExecStartPre=/bin/sh -c 'echo pre >> @log'\nExecStart=/bin/sh -c 'echo one >> @log'\nExecStart=/bin/sh -c 'echo two >> @log'\nExecStartPost=/bin/sh -c 'echo post >> @log'\nExecStopPost=/bin/sh -c 'echo after $SERVICE_RESULT >> @log'\n",
		"b.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sh -c 'echo stopped > @b'\n",
		"c.service": "[Service]\nType=oneshot\nExecStart=-/bin/false\nExecStart=/bin/sh -c 'exit 3'\nExecStart=/bin/sh -c 'echo never > @never'\n",
	})
	w.must("start", "a.service", "b.service")
	w.eventually("everything of a", func() bool { return w.file("log") == "pre\none\ntwo\npost\nafter success" })
	w.eventually("a's rest", func() bool { return w.state("a.service") == "inactive/dead" })
	w.expect("b.service", "active/exited")
	w.must("stop", "b.service")
	if w.file("b") != "stopped" {
		t.Error("ExecStop= of b didn't run")
	}
	if got := w.do("start", "c.service"); !strings.Contains(got, "control process exited with error code") {
		t.Errorf("got %q", got)
	}
	if s := w.status("c.service"); s.ActiveState != "failed" || s.MainExit.Status != 3 || w.file("never") != "" {
		t.Errorf("got %+v", s)
	}
}

func TestAServiceThatDiesIsRestartedAfterItsPause(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=200ms\n"})
	w.must("start", "a.service")
	first := w.status("a.service").MainPID
	died := time.Now()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually("the pause", func() bool { return w.state("a.service") == "activating/auto-restart" })
	w.eventually("a new process", func() bool { return w.state("a.service") == "active/running" })
	if pause := time.Since(died); pause < 200*time.Millisecond {
		t.Errorf("it came back after %v", pause)
	}
	if s := w.status("a.service"); s.MainPID == first || s.Restarts != 1 {
		t.Errorf("got pid %d, %d restarts", s.MainPID, s.Restarts)
	}
}

func TestRestartFollowsItsPolicy(t *testing.T) {
	for _, test := range []struct {
		policy, command string
		restarts        bool
	}{
		{"Restart=no", "exit 1", false},
		{"Restart=on-failure", "exit 0", false},
		{"Restart=on-failure", "exit 1", true},
		{"Restart=on-failure", "kill -KILL $$$$", true},
		{"Restart=on-failure", "kill -TERM $$$$", false},
		{"Restart=on-success", "exit 0", true},
		{"Restart=on-success", "exit 1", false},
		{"Restart=on-abort", "exit 1", false},
		{"Restart=on-abort", "kill -KILL $$$$", true},
		{"Restart=on-failure\nSuccessExitStatus=7", "exit 7", false},
		{"Restart=on-failure\nRestartPreventExitStatus=7", "exit 7", false},
		{"Restart=no\nRestartForceExitStatus=7", "exit 7", true},
	} {
		t.Run(test.policy+" "+test.command, func(t *testing.T) {
			w := newWorld(t, map[string]string{"a.service": "[Service]\nRestartSec=1h\nExecStart=/bin/sh -c '" + test.command + "'\n" + test.policy + "\n"})
			w.must("start", "a.service")
			w.eventually("its end", func() bool {
				state := w.state("a.service")
				return state == "activating/auto-restart" || state == "inactive/dead" || state == "failed/failed"
			})
			if got := w.state("a.service") == "activating/auto-restart"; got != test.restarts {
				t.Errorf("it is %s", w.state("a.service"))
			}
		})
	}
}

func TestAServiceThatKeepsDyingIsGivenUp(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "StartLimitBurst=3\nStartLimitIntervalSec=1min\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1ms\n"})
	w.must("start", "a.service")
	w.eventually("the end of it", func() bool { return w.state("a.service") == "failed/failed" })
	if s := w.status("a.service"); s.Result != "start-limit-hit" || s.Restarts != 3 {
		t.Errorf("got %s after %d restarts", s.Result, s.Restarts)
	}
	if got := w.do("start", "a.service"); !strings.Contains(got, "attempted too often") {
		t.Errorf("got %q", got)
	}
	w.must("reset-failed", "a.service")
	w.expect("a.service", "inactive/dead")
	w.must("start", "a.service")
}

func TestStoppingEndsARestartThatIsDue(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n"})
	w.must("start", "a.service")
	w.eventually("the pause", func() bool { return w.state("a.service") == "activating/auto-restart" })
	w.must("stop", "a.service")
	w.expect("a.service", "inactive/dead")
}

// forker leaves a child behind that is in a session of its own and that nobody waits for.
const forker = "setsid sh -c \"echo \\$\\$ > @child; exec sleep 1000\" & sleep 0.1; "

func TestNoProcessOfAServiceEscapesItsStop(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sh -c '(" + strings.ReplaceAll(forker, "$", "$$") + ") ; exec sleep 1000'\n"})
	w.must("start", "a.service")
	w.eventually("the child", func() bool { return w.file("child") != "" })
	child, _ := strconv.Atoi(w.file("child"))
	w.must("stop", "a.service")
	if alive(child) {
		t.Fatal("a process that had left its parents outlived the service")
	}
}

func TestAServiceWithManyOrphansIsStoppedToo(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sh -c 'for i in $$(seq 150); do (sleep 1000 &) ; done; echo > @up; exec sleep 1000'\nExecStopPost=/bin/sh -c 'echo > @after'\n"})
	w.must("start", "a.service")
	w.eventually("its children", func() bool { _, err := os.Stat(w.dir + "/up"); return err == nil })
	if n := len(w.status("a.service").Processes); n != 151 {
		t.Fatalf("it has %d processes", n)
	}
	w.must("stop", "a.service")
	if n := len(w.status("a.service").Processes); n != 0 {
		t.Fatalf("%d processes are left", n)
	}
	if _, err := os.Stat(w.dir + "/after"); err != nil {
		t.Fatal("ExecStopPost= didn't run")
	}
}

func TestKillModeProcessLeavesTheOthersAlone(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nKillMode=process\nExecStart=/bin/sh -c '(" + strings.ReplaceAll(forker, "$", "$$") + ") ; exec sleep 1000'\n"})
	w.must("start", "a.service")
	w.eventually("the child", func() bool { return w.file("child") != "" })
	child, _ := strconv.Atoi(w.file("child"))
	w.must("stop", "a.service")
	w.expect("a.service", "inactive/dead")
	if !alive(child) {
		t.Fatal("a process other than the main one was ended")
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestAServiceThatIgnoresItsSignalIsKilled(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nTimeoutStopSec=150ms\nExecStart=/bin/sh -c 'trap \"\" TERM; echo > @up; while :; do sleep 0.01; done'\n"})
	w.must("start", "a.service")
	w.eventually("its trap", func() bool { _, err := os.Stat(w.dir + "/up"); return err == nil })
	w.must("stop", "a.service")
	if s := w.status("a.service"); s.ActiveState != "failed" || s.Result != "timeout" || len(s.Processes) != 0 {
		t.Fatalf("got %s, %s, %v", s.ActiveState, s.Result, s.Processes)
	}
}

func TestAForkingServicesMainProcessIsFound(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nType=forking\nPIDFile=@pid\nExecStart=/bin/sh -c 'sleep 1000 & echo $! > @pid'\n"})
	w.must("start", "a.service")
	w.expect("a.service", "active/running")
	if got := strconv.Itoa(w.status("a.service").MainPID); got != w.file("pid") {
		t.Fatalf("got %s, want %s", got, w.file("pid"))
	}
}

func TestStartingAndStoppingFollowTheOrder(t *testing.T) {
	one := func(name, settings string) string {
		return settings + "\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'sleep 0.02; echo +" + name + " >> @log'\nExecStop=/bin/sh -c 'sleep 0.02; echo -" + name + " >> @log'\n"
	}
	w := newWorld(t, map[string]string{
		"a.service": one("a", "Requires=b.service\nAfter=b.service"),
		"b.service": one("b", "Wants=c.service\nAfter=c.service"),
		"c.service": one("c", ""),
	})
	w.must("start", "a.service")
	if got := strings.Join(strings.Fields(w.file("log")), " "); got != "+c +b +a" {
		t.Fatalf("started in the order %s", got)
	}
	w.must("stop", "b.service") // a can't be without it; c can
	if got := strings.Join(strings.Fields(w.file("log")), " "); got != "+c +b +a -a -b" {
		t.Fatalf("stopped in the order %s", got)
	}
	w.expect("c.service", "active/exited")
}

func TestAFailedRequirementKeepsAServiceDown(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "Requires=b.service\nAfter=b.service\n[Service]\nExecStart=/bin/sleep 1000\n",
		"b.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
	})
	if got := w.do("start", "a.service"); !strings.Contains(got, "dependency job for a.service failed") {
		t.Errorf("got %q", got)
	}
	w.expect("a.service", "inactive/dead")
}

func TestAnUnmetConditionSkipsAServiceWithoutError(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "ConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep 1000\n"})
	w.must("start", "a.service")
	w.expect("a.service", "inactive/dead")
	if got := w.status("a.service").Condition; got != "ConditionPathExists=/nowhere" {
		t.Errorf("got %q", got)
	}
}

func TestAProgramThatIsNotThereIsA203(t *testing.T) {
	w := newWorld(t, map[string]string{
		"simple.service": "[Service]\nExecStart=/nowhere/program\n",
		"exec.service":   "[Service]\nType=exec\nExecStart=/nowhere/program\n",
	})
	w.must("start", "simple.service") // it counts as started before its program is executed
	w.eventually("its failure", func() bool { return w.state("simple.service") == "failed/failed" })
	if got := w.do("start", "exec.service"); got == "" {
		t.Error("a service of Type=exec counts as started without its program")
	}
	if s := w.status("exec.service"); s.MainExit == nil || s.MainExit.Status != 203 {
		t.Errorf("got %+v", s.MainExit)
	}
}

func TestReloadRunsItsCommandsWithTheMainProcessKnown(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/sh -c 'echo $MAINPID > @reloaded'\n",
		"b.service": "[Service]\nExecStart=/bin/sleep 1000\n",
	})
	if got := w.do("reload", "a.service"); !strings.Contains(got, "not active") {
		t.Errorf("got %q", got)
	}
	w.must("start", "a.service", "b.service")
	w.must("reload", "a.service")
	if got, want := w.file("reloaded"), strconv.Itoa(w.status("a.service").MainPID); got != want {
		t.Errorf("got %q, want %s", got, want)
	}
	w.expect("a.service", "active/running")
	if got := w.do("reload", "b.service"); !strings.Contains(got, "not applicable") {
		t.Errorf("got %q", got)
	}
}

func TestDaemonReloadIsNeededForWhatRunsAndNotForWhatDoesNot(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "Description=old\n[Service]\nExecStart=/bin/sleep 1000\n"})
	w.must("start", "a.service")
	time.Sleep(20 * time.Millisecond) // file systems' clocks are coarse
	w.write("a.service", "Description=new\n[Service]\nExecStart=/bin/sleep 1000\n")
	if s := w.status("a.service"); s.Description != "old" || !s.Stale {
		t.Errorf("got %q, stale %v", s.Description, s.Stale)
	}
	w.must("daemon-reload")
	if s := w.status("a.service"); s.Description != "new" || s.Stale {
		t.Errorf("got %q, stale %v", s.Description, s.Stale)
	}
	w.expect("a.service", "active/running")
}

func TestRestartGivesANewProcessAndTakesAlongWhatNeedsIt(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "[Service]\nExecStart=/bin/sleep 1000\n",
		"b.service": "Requires=a.service\nAfter=a.service\n[Service]\nExecStart=/bin/sleep 1000\n",
	})
	w.must("start", "b.service")
	a, b := w.status("a.service").MainPID, w.status("b.service").MainPID
	w.must("restart", "a.service")
	w.eventually("both again", func() bool {
		return w.state("a.service") == "active/running" && w.state("b.service") == "active/running"
	})
	if w.status("a.service").MainPID == a || w.status("b.service").MainPID == b {
		t.Error("a process outlived the restart")
	}
}

func TestOutputGoesToTheJournalOrToItsFile(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo \"<3>bad\"; echo plain >&2'\n",
		"b.service": "[Service]\nType=oneshot\nStandardOutput=append:@b.log\nExecStart=/bin/echo more\n",
	})
	w.must("start", "a.service", "b.service")
	w.must("start", "b.service")
	if got := w.file("b.log"); got != "more\nmore" {
		t.Errorf("got %q", got)
	}
	w.eventually("two lines in the journal", func() bool {
		text := w.file("var/log/journal/system.jsonl")
		return strings.Contains(text, `"unit":"a.service","id":"sh"`) && strings.Contains(text, `"prio":3,"msg":"bad"`) && strings.Contains(text, `"prio":6,"msg":"plain"`)
	})
}

func TestEnvironmentFilesMayBeMissingOnlyIfSaidSo(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.service": "[Service]\nType=oneshot\nEnvironment=A=unit\nEnvironmentFile=-@missing\nEnvironmentFile=@env\nExecStart=/bin/sh -c 'echo $A > @a'\n",
		"b.service": "[Service]\nType=oneshot\nEnvironmentFile=@missing\nExecStart=/bin/true\n",
	})
	if err := os.WriteFile(w.dir+"/env", []byte("A=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.must("start", "a.service")
	if got := w.file("a"); got != "file" {
		t.Errorf("got %q", got)
	}
	if got := w.do("start", "b.service"); !strings.Contains(got, "unavailable resources") {
		t.Errorf("got %q", got)
	}
}

func TestTheLossOfAKeeperFailsTheService(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sleep 1000\n"})
	w.must("start", "a.service")
	n := w.m.get("a.service")
	pid := w.status("a.service").MainPID
	if err := syscall.Kill(n.service.keeperPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually("its failure", func() bool { return w.state("a.service") == "failed/failed" })
	if alive(pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMaskedServiceRunsOnAndIsNotStartedAgain(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=50ms\n"})
	w.must("start", "a.service")
	path := filepath.Join(w.dir, "/etc/systemd/system/a.service")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", path); err != nil {
		t.Fatal(err)
	}
	w.must("daemon-reload")
	w.expect("a.service", "active/running")
	if err := syscall.Kill(w.status("a.service").MainPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually("its end", func() bool { return w.state("a.service") == "inactive/dead" })
	if got := w.do("start", "a.service"); !strings.Contains(got, "is masked") {
		t.Errorf("got %q", got)
	}
}
