package manager

import (
	"fmt"
	"syscall"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

func (c *cycle) mainResult() string {
	if c.mainStatus == nil {
		return "success"
	}
	return resultOf(*c.mainStatus, c.cfg.SuccessStatus, c.cfg.Type != "oneshot")
}

// resultOf judges how a process ended. A daemon may end by one of the signals that are used to end daemons.
func resultOf(status syscall.WaitStatus, successes unit.ExitSet, daemon bool) string {
	if status == 0 || successes.Holds(status) {
		return "success"
	}
	if status.Exited() {
		return "exit-code"
	}
	if daemon {
		switch status.Signal() {
		case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
			return "success"
		}
	}
	if status.CoreDump() {
		return "core-dump"
	}
	return "signal"
}

func (c *cycle) restartDue(result string) bool {
	if c.mainStatus != nil {
		if c.cfg.RestartPrevents.Holds(*c.mainStatus) {
			return false
		}
		if c.cfg.RestartForces.Holds(*c.mainStatus) {
			return true
		}
	}
	if result == "exec-condition" {
		return false
	}
	switch c.cfg.Restart {
	case "always":
		return true
	case "on-success":
		return result == "success"
	case "on-failure":
		return result != "success"
	case "on-abnormal":
		return result != "success" && result != "exit-code"
	case "on-abort":
		return result == "signal" || result == "core-dump"
	}
	return false
}

func exitOf(status syscall.WaitStatus) control.Exit {
	switch {
	case status.Exited():
		return control.Exit{Code: "exited", Status: status.ExitStatus()}
	case status.CoreDump():
		return control.Exit{Code: "dumped", Status: int(status.Signal())}
	}
	return control.Exit{Code: "killed", Status: int(status.Signal())}
}

// describe writes `code=exited, status=1/FAILURE`.
func describe(status syscall.WaitStatus) string {
	exit := exitOf(status)
	if exit.Code == "exited" {
		return "code=exited, status=" + unit.ExitStatusName(exit.Status)
	}
	return fmt.Sprintf("code=%s, status=%d/%s", exit.Code, exit.Status, unit.SignalName(syscall.Signal(exit.Status)))
}
