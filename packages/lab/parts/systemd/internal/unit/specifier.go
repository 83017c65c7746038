package unit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Machine is what %-specifiers ask about the machine.
type Machine struct {
	Hostname, MachineID, BootID, KernelRelease, Architecture string
}

// ReadMachine asks the running machine. Unknown things stay empty, as specifiers of an unconfigured machine do.
func ReadMachine(root string) Machine {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	hostname, _ := os.Hostname()
	return Machine{
		Hostname:      hostname,
		MachineID:     read(filepath.Join(root, "/etc/machine-id")),
		BootID:        strings.ReplaceAll(read("/proc/sys/kernel/random/boot_id"), "-", ""),
		KernelRelease: read("/proc/sys/kernel/osrelease"),
		Architecture:  "x86-64",
	}
}

// Expand replaces the %-specifiers of a value. user is the User= of the unit, empty for root.
func (u *Unit) Expand(value, user, home string) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	extension := filepath.Ext(u.Name)
	stem := strings.TrimSuffix(u.Name, extension)
	prefix, instance, _ := strings.Cut(stem, "@")
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	if user == "" {
		user, home = "root", "/root"
	}
	shortHost, _, _ := strings.Cut(u.machine.Hostname, ".")
	replacements := map[byte]string{
		'n': u.Name, 'N': stem, 'p': prefix, 'P': unescapeName(prefix), 'i': instance, 'I': unescapeName(instance),
		'j': last, 'J': unescapeName(last), 'f': "/" + strings.TrimPrefix(unescapeName(cmpOr(instance, prefix)), "/"),
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp",
		'h': home, 'u': user, 's': "/bin/sh", 'H': u.machine.Hostname, 'l': shortHost, 'm': u.machine.MachineID,
		'b': u.machine.BootID, 'v': u.machine.KernelRelease, 'a': u.machine.Architecture, 'y': u.Path,
		'Y': filepath.Dir(u.Path), '%': "%",
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' || i+1 == len(value) {
			b.WriteByte(value[i])
			continue
		}
		i++
		text, ok := replacements[value[i]]
		if !ok {
			return "", fmt.Errorf("unknown specifier %%%c in %q", value[i], value)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
