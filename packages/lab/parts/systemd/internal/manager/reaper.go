package manager

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// reaper collects init's children: the keepers of the services, and every orphan of the machine. It is the only one
// that waits, so that nothing is collected twice.
type reaper struct{}

func newReaper() *reaper {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go func() {
		for {
			for {
				var status syscall.WaitStatus
				pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
				if err == syscall.EINTR {
					continue
				}
				if err != nil || pid == 0 {
					break
				}
			}
			<-children
		}
	}()
	return &reaper{}
}

// start runs this same program under another name, in a session of its own.
func (r *reaper) start(argv []string, files []*os.File) (int, error) {
	descriptors := make([]uintptr, len(files))
	for i, file := range files {
		descriptors[i] = file.Fd()
	}
	return syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + defaultPath, "GOMAXPROCS=1"}, Files: descriptors,
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
}

func randomID() string {
	id := make([]byte, 16)
	// crypto/rand.Read never fails on Linux.
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

// prepareRun makes the folders below /run that tell others that this is a machine run by systemd.
func prepareRun() {
	for _, dir := range []string{"/run/systemd/system", "/run/systemd/journal", "/run/systemd/notify", "/run/lock"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
		}
	}
	if err := os.Chmod("/run/lock", os.ModeSticky|0o777); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n", err)
	}
}
