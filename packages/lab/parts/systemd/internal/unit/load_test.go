package unit

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree makes a root folder of files; a value that starts with "->" makes a link.
func tree(t *testing.T, files map[string]string) *Loader {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, isLink := strings.CutPrefix(content, "->"); isLink {
			err = os.Symlink(target, full)
		} else {
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &Loader{Root: root, Machine: Machine{Hostname: "box.example"}}
}

func TestTheAdministratorsFileWinsOverThePackages(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service": "[Unit]\nDescription=of the package\n",
		"/etc/systemd/system/a.service": "[Unit]\nDescription=of the administrator\n",
	})
	if u := l.Load("a.service"); u.Description() != "of the administrator" || u.Path != "/etc/systemd/system/a.service" {
		t.Fatalf("got %q from %s", u.Description(), u.Path)
	}
}

func TestDropInsAreReadInOrderOfTheirNamesAndEtcBeatsLib(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service":                  "[Service]\nExecStart=/bin/one\nEnvironment=A=1\n",
		"/etc/systemd/system/a.service.d/20-late.conf":   "[Service]\nEnvironment=B=20\n",
		"/lib/systemd/system/a.service.d/10-early.conf":  "[Service]\nEnvironment=B=10\n",
		"/lib/systemd/system/a.service.d/20-late.conf":   "[Service]\nEnvironment=B=overridden\n",
		"/etc/systemd/system/a.service.d/30-masked.conf": "->/dev/null",
		"/etc/systemd/system/service.d/15-all.conf":      "[Service]\nUser=nobody\n",
	})
	u := l.Load("a.service")
	if got := u.Words("Service", "Environment"); !slices.Equal(got, []string{"A=1", "B=10", "B=20"}) {
		t.Fatalf("got %q", got)
	}
	if len(u.DropIns) != 3 || u.Last("Service", "User") != "nobody" {
		t.Fatalf("got %v", u.DropIns)
	}
}

func TestAnEmptyAssignmentForgetsThoseBefore(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service":            "[Service]\nExecStart=/bin/one\nEnvironment=A=1\n",
		"/etc/systemd/system/a.service.d/new.conf": "[Service]\nExecStart=\nExecStart=/bin/two\nEnvironment=\nEnvironment=B=2\n",
	})
	cfg, _, err := l.Load("a.service").Service()
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Start) != 1 || cfg.Start[0].Path != "/bin/two" || !slices.Equal(cfg.Environment, []string{"B=2"}) {
		t.Fatalf("got %v %v", cfg.Start, cfg.Environment)
	}
}

func TestAliasesMasksAndDanglingLinks(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/ssh.service":    "[Unit]\nDescription=shell\n",
		"/etc/systemd/system/sshd.service":   "->/lib/systemd/system/ssh.service",
		"/etc/systemd/system/masked.service": "->/dev/null",
		"/etc/systemd/system/gone.service":   "->/nowhere/gone.service",
	})
	if u := l.Load("sshd.service"); u.Name != "ssh.service" || u.Load != Loaded {
		t.Errorf("got %s, %s", u.Name, u.Load)
	}
	if u := l.Load("masked.service"); u.Load != Masked {
		t.Errorf("got %s", u.Load)
	}
	for _, name := range []string{"gone.service", "never.service"} {
		if u := l.Load(name); u.Load != NotFound {
			t.Errorf("%s: got %s", name, u.Load)
		}
	}
}

func TestTemplatesAndSpecifiers(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/app-web@.service": "[Unit]\nDescription=%i of %p on %H (%l) %j %% %n\n[Service]\nExecStart=/bin/run %I\nUser=root\n",
	})
	u := l.Load("app-web@my-shop.service")
	if want := "my-shop of app-web on box.example (box) web % app-web@my-shop.service"; u.Description() != want {
		t.Errorf("got  %q\nwant %q", u.Description(), want)
	}
	cfg, _, err := u.Service()
	if err != nil || cfg.Start[0].Args[0] != "my/shop" {
		t.Errorf("got %v (%v)", cfg.Start, err)
	}
}

func TestCommandPrefixes(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service": "[Service]\nType=oneshot\nExecStartPre=-+/bin/a x\nExecStart=@/bin/b name $ARGS ; :/bin/c $ARGS\nExecStopPost=!/bin/d\n",
	})
	cfg, _, err := l.Load("a.service").Service()
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.StartPre[0]; c.Path != "/bin/a" || !c.IgnoreFailure || !c.Privileged {
		t.Errorf("got %+v", c)
	}
	lookup := func(string) string { return "1 2" }
	if got := cfg.Start[0].Argv(lookup); !slices.Equal(got, []string{"name", "1", "2"}) {
		t.Errorf("got %q", got)
	}
	if got := cfg.Start[1].Argv(lookup); !slices.Equal(got, []string{"/bin/c", "$ARGS"}) {
		t.Errorf("got %q", got)
	}
	if !cfg.StopPost[0].Privileged {
		t.Errorf("got %+v", cfg.StopPost[0])
	}
}

func TestWhatIsNotAppliedIsReportedAndTheRestIsTaken(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\nPrivateTmp=yes\nProtectSystem=strict\nRestartSec=soon\nRestart=always\nExecPaths=/bin\n",
	})
	cfg, problems, err := l.Load("a.service").Service()
	if err != nil || cfg.Restart != "always" || cfg.RestartSec != 100*time.Millisecond {
		t.Fatalf("got %+v (%v)", cfg, err)
	}
	text := ""
	for _, problem := range problems {
		text += problem.String() + "\n"
	}
	for _, part := range []string{"a.service:5: RestartSec=", "PrivateTmp=, ProtectSystem=, ExecPaths="} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestServicesThatCannotBeRunAreRefused(t *testing.T) {
	for text, part := range map[string]string{
		"Type=simple\n":                                    "no ExecStart=",
		"ExecStart=/bin/a\nExecStart=/bin/b\n":             "more than one ExecStart=",
		"ExecStart=bin/a\n":                                "absolute path",
		"Type=sometimes\nExecStart=/bin/a\n":               "Type=",
		"Type=oneshot\nRestart=always\nExecStart=/bin/a\n": "Restart=",
		"ExecStart=/bin/a \"unbalanced\n":                  "unbalanced",
	} {
		l := tree(t, map[string]string{"/lib/systemd/system/a.service": "[Service]\n" + text})
		if _, _, err := l.Load("a.service").Service(); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: got %v, want something about %q", text, err, part)
		}
	}
}

func TestTimeoutsFollowTheType(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"ExecStart=/bin/a\n":                                    90 * time.Second,
		"Type=oneshot\nExecStart=/bin/a\n":                      Infinity,
		"Type=oneshot\nTimeoutStartSec=5\nExecStart=/bin/a\n":   5 * time.Second,
		"TimeoutSec=0\nExecStart=/bin/a\n":                      Infinity,
		"Type=notify\nTimeoutStartSec=1min\nExecStart=/bin/a\n": time.Minute,
	} {
		l := tree(t, map[string]string{"/lib/systemd/system/a.service": "[Service]\n" + text})
		if cfg, _, err := l.Load("a.service").Service(); err != nil || cfg.TimeoutStart != want {
			t.Errorf("%q: got %v (%v), want %v", text, cfg.TimeoutStart, err, want)
		}
	}
}

func TestEnablingMakesTheLinksAndDisablingTakesThemAway(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\nRequiredBy=b.service\nAlias=aa.service\nAlso=c.service\n",
		"/lib/systemd/system/c.service": "[Service]\nExecStart=/bin/c\n[Install]\nWantedBy=multi-user.target\n",
		"/lib/systemd/system/d.service": "[Service]\nExecStart=/bin/d\n",
	})
	states := func() map[string]string {
		got := map[string]string{}
		for _, name := range []string{"a.service", "aa.service", "c.service", "d.service", "e.service"} {
			got[name] = l.FileState(name)
		}
		return got
	}
	before := states()
	if want := map[string]string{"a.service": "disabled", "aa.service": "", "c.service": "disabled", "d.service": "static", "e.service": ""}; !maps.Equal(before, want) {
		t.Fatalf("got %v", before)
	}
	lines, err := l.Enable("a.service")
	if err != nil || len(lines) != 4 {
		t.Fatalf("got %q (%v)", lines, err)
	}
	if got := states(); got["a.service"] != "enabled" || got["aa.service"] != "alias" || got["c.service"] != "enabled" {
		t.Fatalf("got %v", got)
	}
	if lines, err := l.Enable("a.service"); err != nil || len(lines) != 0 {
		t.Fatalf("enabling again did %q (%v)", lines, err)
	}
	if _, err := l.Disable("a.service"); err != nil {
		t.Fatal(err)
	}
	if got := states(); !maps.Equal(got, before) {
		t.Fatalf("got %v, want %v", got, before)
	}
	if _, err := l.Enable("d.service"); !IsNotInstallable(err) {
		t.Fatalf("got %v", err)
	}
	if _, err := l.Enable("e.service"); err == nil || IsNotInstallable(err) {
		t.Fatalf("got %v", err)
	}
}

func TestAnInstanceOfATemplateIsEnabledByItsOwnName(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/web@.service": "[Service]\nExecStart=/bin/a %i\n[Install]\nWantedBy=multi-user.target\n",
	})
	if _, err := l.Enable("web@one.service"); err != nil {
		t.Fatal(err)
	}
	if got := l.Load("multi-user.target").linkedWants; !slices.Equal(got, []string{"web@one.service"}) {
		t.Fatalf("got %q", got)
	}
	if got := l.FileState("web@one.service") + " " + l.FileState("web@two.service"); got != "enabled disabled" {
		t.Fatalf("got %s", got)
	}
	if _, err := l.Enable("web@.service"); err == nil {
		t.Fatal("a template without an instance was enabled")
	}
}

func TestMaskingHidesAUnitUntilUnmasked(t *testing.T) {
	l := tree(t, map[string]string{
		"/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n",
		"/etc/systemd/system/b.service": "[Service]\nExecStart=/bin/b\n",
	})
	if _, err := l.Mask("a.service"); err != nil {
		t.Fatal(err)
	}
	if got := l.Load("a.service").Load; got != Masked {
		t.Fatalf("got %s", got)
	}
	if _, err := l.Unmask("a.service"); err != nil || l.Load("a.service").Load != Loaded {
		t.Fatalf("got %s (%v)", l.Load("a.service").Load, err)
	}
	if _, err := l.Mask("b.service"); err == nil {
		t.Fatal("masking replaced the administrator's own file")
	}
}

func TestAChangedFileIsNoticed(t *testing.T) {
	l := tree(t, map[string]string{"/etc/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n"})
	u := l.Load("a.service")
	if u.Changed(l) {
		t.Fatal("nothing has changed yet")
	}
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(filepath.Join(l.Root, "/etc/systemd/system/a.service"), later, later); err != nil {
		t.Fatal(err)
	}
	if !u.Changed(l) {
		t.Fatal("a newer file went unnoticed")
	}
}

func TestConditions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, met := range map[string]bool{
		"ConditionPathExists=" + file:                                       true,
		"ConditionPathExists=!" + file:                                      false,
		"ConditionFileNotEmpty=" + file:                                     true,
		"ConditionFileIsExecutable=" + file:                                 false,
		"ConditionPathIsDirectory=" + file:                                  false,
		"ConditionPathExists=|/nowhere\nConditionPathExists=|" + file:       true,
		"ConditionPathExists=|/nowhere\nConditionPathExists=|/nowhere/else": false,
		"ConditionPathExists=/nowhere\nConditionPathExists=":                true,
		"ConditionVirtualization=!container":                                true,
	} {
		l := tree(t, map[string]string{"/etc/systemd/system/a.service": "[Unit]\n" + text + "\n"})
		if got := l.Load("a.service").UnmetCondition(); (got == "") != met {
			t.Errorf("%q: unmet is %q", text, got)
		}
	}
}
