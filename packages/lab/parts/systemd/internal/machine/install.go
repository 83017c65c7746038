package machine

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:embed units
var units embed.FS

// names are the commands that this program is in the machine.
var names = map[string]string{
	"usr/bin/systemctl":      "../lib/systemd/systemd",
	"usr/bin/journalctl":     "../lib/systemd/systemd",
	"usr/bin/systemd-notify": "../lib/systemd/systemd",
	"usr/sbin/init":          "../lib/systemd/systemd",
	"usr/sbin/reboot":        "../lib/systemd/systemd",
	"usr/sbin/poweroff":      "../lib/systemd/systemd",
	"usr/sbin/halt":          "../lib/systemd/systemd",
	"usr/sbin/shutdown":      "../lib/systemd/systemd",
}

// install writes this program and the targets that every machine has into a folder that becomes a layer of the
// machine's root.
func install(root string) error {
	program := filepath.Join(root, "usr/lib/systemd/systemd")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	if err := copySelf(program); err != nil {
		return fmt.Errorf("install init: %w", err)
	}
	for name, target := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, path); err != nil {
			return err
		}
	}
	unitDir := filepath.Join(root, "usr/lib/systemd/system")
	if err := os.MkdirAll(unitDir, 0o755); err != nil {
		return err
	}
	entries, err := units.ReadDir("units")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := units.ReadFile("units/" + entry.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(unitDir, entry.Name()), text, 0o644); err != nil {
			return err
		}
	}
	return os.Symlink("multi-user.target", filepath.Join(unitDir, "default.target"))
}

func copySelf(to string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
