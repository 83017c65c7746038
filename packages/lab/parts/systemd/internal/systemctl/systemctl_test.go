package systemctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meshlift.dev/lab/parts/systemd/internal/control"
)

// in runs systemctl on a folder, as image builders do with --root, where no init is asked.
func in(t *testing.T, root string, args ...string) (code int, out string) {
	t.Helper()
	var text strings.Builder
	code = Main(append([]string{"--root=" + root}, args...), &text, &text)
	return code, text.String()
}

func rootWith(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "lib/systemd/system", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCatShowsTheFileAndItsDropIns(t *testing.T) {
	root := rootWith(t, map[string]string{"a.service": "[Service]\nExecStart=/bin/a\n", "a.service.d/more.conf": "[Service]\nUser=b\n"})
	code, out := in(t, root, "cat", "a")
	want := "# /lib/systemd/system/a.service\n[Service]\nExecStart=/bin/a\n\n# /lib/systemd/system/a.service.d/more.conf\n[Service]\nUser=b\n"
	if code != 0 || out != want {
		t.Fatalf("%d:\n%s", code, out)
	}
	if code, out := in(t, root, "cat", "b"); code != 1 || !strings.Contains(out, "No files found for b.service.") {
		t.Fatalf("%d: %s", code, out)
	}
}

func TestIsEnabledHasSystemdsWordsAndCodes(t *testing.T) {
	root := rootWith(t, map[string]string{
		"a.service": "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
		"s.service": "[Service]\nExecStart=/bin/a\n",
	})
	for name, want := range map[string]struct {
		code int
		text string
	}{
		"a": {1, "disabled\n"}, "s": {0, "static\n"}, "nope": {1, "Failed to get unit file state for nope.service: No such file or directory\n"},
	} {
		if code, out := in(t, root, "is-enabled", name); code != want.code || out != want.text {
			t.Errorf("%s: got %d %q", name, code, out)
		}
	}
}

func TestWhatCannotBeUnderstoodIsRefused(t *testing.T) {
	for text, part := range map[string]string{
		"frobnicate a": "Unknown command verb frobnicate",
		"start":        "Too few arguments",
		"--frob":       "unrecognized option '--frob'",
		"start a/b":    "Invalid unit name",
		"kill -s":      "requires an argument",
	} {
		var out strings.Builder
		if code := Main(strings.Fields(text), &out, &out); code == 0 || !strings.Contains(out.String(), part) {
			t.Errorf("%s: got %d %q", text, code, out.String())
		}
	}
}

func TestVersionIsReadableByPackageScripts(t *testing.T) {
	var out strings.Builder
	if code := Main([]string{"--version", "--quiet"}, &out, &out); code != 0 || !strings.HasPrefix(out.String(), "systemd 252 (") {
		t.Fatalf("got %q", out.String())
	}
}

func TestStatusLooksLikeSystemds(t *testing.T) {
	var out strings.Builder
	c := &command{out: &out, err: &out}
	c.printStatus(control.Status{
		ID: "a.service", Description: "A thing", LoadState: "loaded", Path: "/etc/systemd/system/a.service", FileState: "enabled",
		ActiveState: "failed", SubState: "failed", Result: "exit-code", LastMainPID: 12,
		MainExit: &control.Exit{Code: "exited", Status: 3}, Condition: "ConditionPathExists=/x",
	})
	want := `× a.service - A thing
     Loaded: loaded (/etc/systemd/system/a.service; enabled; preset: enabled)
     Active: failed (Result: exit-code)
  Condition: start condition failed: ConditionPathExists=/x was not met
   Main PID: 12 (code=exited, status=3/NOTIMPLEMENTED)
`
	if out.String() != want {
		t.Fatalf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestPropertiesComeInTheOrderAskedFor(t *testing.T) {
	var out strings.Builder
	c := &command{out: &out, err: &out, options: options{properties: []string{"NRestarts", "Id", "Nonsense"}}}
	c.printProperties(properties(control.Status{ID: "a.service", Restarts: 2}))
	if out.String() != "NRestarts=2\nId=a.service\n" {
		t.Fatalf("got %q", out.String())
	}
}
