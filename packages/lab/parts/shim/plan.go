package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// SandboxPlan says how a pod's namespaces are to be. packages/lab/src/runtime/sandbox-plan.ts writes it.
type SandboxPlan struct {
	// Namespaces are files that the namespaces are bound to; empty means the machine's own.
	Namespaces Namespaces `json:"namespaces"`
	Hostname   string     `json:"hostname"`
	// Network is absent for a pod that uses the machine's network.
	Network *Network          `json:"network"`
	Sysctls map[string]string `json:"sysctls"`
}

// Namespaces are paths of namespace files; an empty path is the machine's own namespace.
type Namespaces struct {
	Net string `json:"net"`
	UTS string `json:"uts"`
	IPC string `json:"ipc"`
	// PID is only used by containers that share another container's processes.
	PID string `json:"pid,omitempty"`
}

// Network is a pod's link to the machine's bridge.
type Network struct {
	Bridge string `json:"bridge"`
	// Interface is the name of the machine's end of the link.
	Interface string `json:"interface"`
	Address   string `json:"address"`
	Gateway   string `json:"gateway"`
	MTU       int    `json:"mtu"`
}

// ContainerPlan says how a container is to be. packages/lab/src/runtime/container-plan.ts writes it.
type ContainerPlan struct {
	ID         string     `json:"id"`
	Namespaces Namespaces `json:"namespaces"`
	Root       Root       `json:"root"`
	Mounts     []Mount    `json:"mounts"`
	// MaskedPaths are hidden and ReadonlyPaths made read-only where they exist.
	MaskedPaths   []string `json:"maskedPaths"`
	ReadonlyPaths []string `json:"readonlyPaths"`
	Process       Process  `json:"process"`
	// LogPath is where the output goes, in the CRI's format.
	LogPath string `json:"logPath"`
	// ExitPath is written when the container has ended.
	ExitPath  string `json:"exitPath"`
	Stdin     bool   `json:"stdin"`
	StdinOnce bool   `json:"stdinOnce"`
	TTY       bool   `json:"tty"`
}

// Root is the container's file system: an overlay of a changeable layer on a shared one.
type Root struct {
	Lower string `json:"lower"`
	Upper string `json:"upper"`
	Work  string `json:"work"`
	// Target is an empty folder on which the overlay is mounted, seen by the container only.
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
	// UserNamespace is set where the lab runs in a user namespace, which changes how overlayfs marks deletions.
	UserNamespace bool `json:"userNamespace"`
}

// Mount shows a file or folder of the machine in the container.
type Mount struct {
	Source            string `json:"source"`
	Target            string `json:"target"`
	ReadOnly          bool   `json:"readOnly"`
	RecursiveReadOnly bool   `json:"recursiveReadOnly"`
}

// Process is what runs in the container and as whom. Commands run later by exec share all but Argv.
type Process struct {
	Argv   []string `json:"argv"`
	Env    []string `json:"env"`
	Cwd    string   `json:"cwd"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
	// Capabilities and AmbientCapabilities are the kernel's numbers.
	Capabilities        []uint `json:"capabilities"`
	AmbientCapabilities []uint `json:"ambientCapabilities"`
	NoNewPrivileges     bool   `json:"noNewPrivileges"`
}

// Started is left in the container's folder once its process runs.
type Started struct {
	Pid int `json:"pid"`
	// PidStartTime tells the process from a later one with the same number (clock ticks since boot).
	PidStartTime  string `json:"pidStartTime"`
	ShimPid       int    `json:"shimPid"`
	ShimStartTime string `json:"shimStartTime"`
	// StartedAt is in nanoseconds since 1970, as a string because it exceeds what JSON numbers carry exactly.
	StartedAt string `json:"startedAt"`
}

// Exited is written when the container's process has ended.
type Exited struct {
	ExitCode   int    `json:"exitCode"`
	FinishedAt string `json:"finishedAt"`
}

const (
	planFile    = "plan.json"
	startedFile = "started.json"
)

func readPlan(directory string) (*ContainerPlan, error) {
	var plan ContainerPlan
	if err := readJSON(filepath.Join(directory, planFile), &plan); err != nil {
		return nil, err
	}
	return &plan, nil
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file in one step, so that a reader never sees half of it.
func writeJSON(path string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
