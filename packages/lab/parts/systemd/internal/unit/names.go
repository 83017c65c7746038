package unit

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Suffixes of the units that systemd knows. Only services and targets are run here.
var knownTypes = map[string]bool{
	"service": true, "target": true, "socket": true, "timer": true, "mount": true, "automount": true,
	"path": true, "slice": true, "scope": true, "device": true, "swap": true,
}

// Mangle turns what a user types into a unit name: `ssh` is `ssh.service`, as in systemctl.
func Mangle(name string) (string, error) {
	if strings.ContainsAny(name, "/ \t\n") || name == "" {
		return "", fmt.Errorf("Invalid unit name \"%s\"", name)
	}
	if !knownTypes[TypeOf(name)] {
		name += ".service"
	}
	return name, nil
}

// TypeOf gives `service` for `ssh.service`.
func TypeOf(name string) string { return strings.TrimPrefix(filepath.Ext(name), ".") }

// splitInstance cuts `foo@bar.service` into the template `foo@.service` and the instance `bar`.
func splitInstance(name string) (template, instance string) {
	extension := filepath.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	prefix, instance, found := strings.Cut(stem, "@")
	if !found || instance == "" {
		return "", ""
	}
	return prefix + "@" + extension, instance
}

// IsTemplate says whether a name such as `foo@.service` needs an instance before it can be started.
func IsTemplate(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, filepath.Ext(name)), "@")
}

// escaped sequences of unit names: `-` stands for `/`, `\x2d` for a byte.
func unescapeName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '-' {
			b.WriteByte('/')
			continue
		}
		if strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) {
			var c byte
			if _, err := fmt.Sscanf(s[i+2:i+4], "%02x", &c); err == nil {
				b.WriteByte(c)
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
