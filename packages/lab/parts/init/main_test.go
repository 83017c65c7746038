package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namespaced returns a command that runs labinit with the given arguments as the first process of a pid namespace.
func namespaced(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "labinit")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	unshare := []string{"--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"}
	if err := exec.Command("unshare", append(unshare, "true")...).Run(); err != nil {
		t.Skipf("this machine gives no namespaces to this user: %v", err)
	}
	return exec.Command("unshare", append(append(unshare, binary), args...)...)
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func TestEndsWithTheCodeOfItsChild(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 128 + 9} {
		if got := exitCode(t, namespaced(t, "sh", "-c", script).Run()); got != want {
			t.Errorf("%q: exit code %d, want %d", script, got, want)
		}
	}
}

func TestSaysThatThereIsNoSuchProgram(t *testing.T) {
	output, err := namespaced(t, "no-such-program").CombinedOutput()
	if got := exitCode(t, err); got != exitNotFound {
		t.Errorf("exit code %d, want %d", got, exitNotFound)
	}
	if !strings.Contains(string(output), "cannot start no-such-program") {
		t.Errorf("it said %q", output)
	}
}

func TestPassesSignalsOn(t *testing.T) {
	command := namespaced(t, "sh", "-c", "trap 'exit 42' TERM; echo ready; while :; do sleep 0.01; done")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	// unshare's own child is labinit; unshare itself would not pass the signal on.
	pid := strconv.Itoa(command.Process.Pid)
	children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	if err != nil {
		t.Fatal(err)
	}
	labinit, err := strconv.Atoi(strings.Fields(string(children))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(labinit, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(t, command.Wait()); got != 42 {
		t.Errorf("exit code %d, want 42", got)
	}
}

// The script leaves a hundred orphans and ends well only when none is left as a zombie.
func TestReapsOrphans(t *testing.T) {
	script := `
		i=0; while [ $i -lt 100 ]; do (sh -c 'true' &); i=$((i+1)); done
		deadline=$(($(date +%s) + 10))
		while grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | grep -q .; do
			[ "$(date +%s)" -lt "$deadline" ] || exit 1
		done`
	if output, err := namespaced(t, "sh", "-c", script).CombinedOutput(); err != nil {
		t.Errorf("zombies were left: %v\n%s", err, output)
	}
}

// Whatever its child has started ends with it: the pipe that they all hold closes.
func TestLeavesNothingBehind(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := namespaced(t, "sh", "-c", "setsid sleep 60 & setsid sleep 60 & exit 0")
	command.Stdout = write
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if err := read.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := read.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a process still holds the pipe: %v", err)
	}
}

func TestRefusesToBeAnyOtherProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "labinit")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	if got := exitCode(t, exec.Command(binary, "true").Run()); got != exitUsage {
		t.Errorf("exit code %d, want %d", got, exitUsage)
	}
}
