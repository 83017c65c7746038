package machine

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk is the folder of a machine's own data. upper holds what the machine changed, work is overlayfs's own, and root
// is the empty folder that its root is mounted on, in the machine's mount namespace alone.
type disk string

func (d disk) upper() string { return filepath.Join(string(d), "upper") }
func (d disk) work() string  { return filepath.Join(string(d), "work") }
func (d disk) root() string  { return filepath.Join(string(d), "root") }

// Boot is what the first process of the machine's namespaces does: it builds the machine's root, leaves the host's
// behind, and becomes init.
func Boot(base string, diskPath string) error {
	d := disk(diskPath)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep the machine's mounts to itself: %w", err)
	}
	for _, dir := range []string{d.upper(), d.work(), d.root()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// What a reboot empties. Everything else of the disk stays.
	if err := os.RemoveAll(filepath.Join(d.upper(), "tmp")); err != nil {
		return fmt.Errorf("empty /tmp: %w", err)
	}
	root, err := mountRoot(base, d)
	if err != nil {
		return err
	}
	if err := mountSystem(root); err != nil {
		return err
	}
	bootID := filepath.Join(d.root(), "boot_id")
	if err := os.WriteFile(bootID, []byte(newBootID()+"\n"), 0o444); err != nil {
		return err
	}
	if err := protectKernel(filepath.Join(root, "proc"), bootID); err != nil {
		return err
	}
	if err := pivot(root); err != nil {
		return err
	}
	if err := freshNetwork(); err != nil {
		return err
	}
	if err := dropHardware(); err != nil {
		return err
	}
	err = unix.Exec("/sbin/init", []string{"/sbin/init"}, []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOMAXPROCS=2"})
	return fmt.Errorf("execute /sbin/init of the machine: %w", err)
}

// mountRoot lays the machine's disk over init's own layer over the base system.
func mountRoot(base string, d disk) (string, error) {
	if err := unix.Mount("tmpfs", d.root(), "tmpfs", 0, "mode=0755"); err != nil {
		return "", fmt.Errorf("mount a scratch file system on %s: %w", d.root(), err)
	}
	system, root := filepath.Join(d.root(), "system"), filepath.Join(d.root(), "root")
	for _, dir := range []string{system, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
	}
	if err := install(system); err != nil {
		return "", err
	}
	// Named by descriptors, so that no path needs escaping and none of the host's shows up in the machine's /proc/mounts.
	paths := map[string]string{}
	for _, dir := range []string{base, system, d.upper(), d.work()} {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", fmt.Errorf("open %s: %w", dir, err)
		}
		defer unix.Close(fd)
		paths[dir] = "/proc/self/fd/" + strconv.Itoa(fd)
	}
	options := fmt.Sprintf("lowerdir=%s:%s,upperdir=%s,workdir=%s", paths[system], paths[base], paths[d.upper()], paths[d.work()])
	if inUserNamespace() {
		options += ",userxattr" // trusted.* attributes are the host root's alone
	}
	if err := unix.Mount("overlay", root, "overlay", 0, options); err != nil {
		return "", fmt.Errorf("mount the machine's root (overlayfs, %s over %s): %w; "+
			"the folder must lie on a file system that overlayfs can write to, such as ext4, xfs or btrfs, not on another overlay", d.upper(), base, err)
	}
	return root, nil
}

func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !bytes.Equal(bytes.Join(bytes.Fields(text), []byte(" ")), []byte("0 0 4294967295"))
}

type mount struct {
	source, target, kind string
	flags                uintptr
	options              string
}

// mountSystem mounts what every Linux machine has besides its disk.
func mountSystem(root string) error {
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	at := func(path string) string { return filepath.Join(root, path) }
	mounts := []mount{
		{"proc", "/proc", "proc", quiet, ""},
		{"sysfs", "/sys", "sysfs", quiet | unix.MS_RDONLY, ""},
		{"dev", "/dev", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0755"},
		{"run", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
	}
	devices := []mount{
		{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"shm", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	}
	for _, m := range append(mounts, devices...) {
		if err := os.MkdirAll(at(m.target), 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, at(m.target), m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount the machine's %s: %w%s", m.target, err, hint(m.kind, err))
		}
	}
	// Device nodes can't be made in a user namespace; the host's harmless ones are bound.
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		path := at("/dev/" + name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind /dev/%s: %w", name, err)
		}
	}
	for link, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(target, at("/dev/"+link)); err != nil {
			return err
		}
	}
	return nil
}

func hint(kind string, err error) string {
	if kind == "proc" && errors.Is(err, unix.EPERM) {
		return "; in a user namespace the kernel allows it only where nothing is mounted over parts of the outer /proc (as Docker does)"
	}
	return ""
}

// newBootID gives what the kernel would give after a real boot; the kernel's own is the host's.
func newBootID() string {
	var id [16]byte
	// crypto/rand.Read never fails on Linux.
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a random UUID
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// protectKernel keeps the settings of the kernel, which is the host's, from being written; those of the machine's own
// network stay writable. The boot id becomes the content of the file bootID.
func protectKernel(proc, bootID string) error {
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	bind := func(path string) error { return unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "") }
	readOnly := func(path string) error {
		return unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|quiet, "")
	}
	network := filepath.Join(proc, "sys/net")
	for _, path := range []string{filepath.Join(proc, "sys"), filepath.Join(proc, "sysrq-trigger")} {
		if err := bind(path); err != nil {
			if errors.Is(err, unix.ENOENT) {
				continue // a kernel without it
			}
			return fmt.Errorf("protect %s: %w", path, err)
		}
		if path != filepath.Join(proc, "sys") {
			if err := readOnly(path); err != nil {
				return fmt.Errorf("protect %s: %w", path, err)
			}
			continue
		}
		// A bind taken before the rest becomes read-only stays writable.
		if err := bind(network); err != nil {
			return fmt.Errorf("keep %s: %w", network, err)
		}
		if err := unix.Mount(bootID, filepath.Join(path, "kernel/random/boot_id"), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("give the machine a boot id: %w", err)
		}
		if err := readOnly(path); err != nil {
			return fmt.Errorf("protect %s: %w", path, err)
		}
	}
	return nil
}

// pivot makes root the root and lets go of the host's.
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter the machine's root: %w", err)
	}
	// Now the old root lies over the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's root: %w", err)
	}
	return unix.Chdir("/")
}

// freshNetwork brings the loopback device up and removes packet filter rules: the network namespace outlives a
// reboot, on a real machine they would be gone.
func freshNetwork() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return fmt.Errorf("look at the loopback device: %w", err)
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring the loopback device up: %w", err)
	}
	return errors.Join(
		runFilter("", "/usr/sbin/nft", "flush", "ruleset"),
		emptyLegacyTables("/proc/net/ip_tables_names", "/usr/sbin/iptables-legacy-restore"),
		emptyLegacyTables("/proc/net/ip6_tables_names", "/usr/sbin/ip6tables-legacy-restore"),
	)
}

// emptyLegacyTables empties the tables of the packet filter before nftables, of which names lists those in use.
func emptyLegacyTables(names, restore string) error {
	text, err := os.ReadFile(names)
	if err != nil {
		return nil // a kernel without it
	}
	var empty strings.Builder
	for _, table := range strings.Fields(string(text)) {
		fmt.Fprintf(&empty, "*%s\nCOMMIT\n", table)
	}
	if empty.Len() == 0 {
		return nil
	}
	return runFilter(empty.String(), restore)
}

// runFilter runs one of the packet filter's programs; a machine that doesn't have it has no rules of its either.
func runFilter(input, program string, args ...string) error {
	command := exec.Command(program, args...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove packet filter rules of an earlier boot: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// dropHardware gives up, for good, the capabilities by which a careless command in the machine could reach the
// host's hardware and kernel when the lab runs as root. It is no security boundary: the lab's machines are trusted.
func dropHardware() error {
	for _, capability := range []uintptr{
		unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO, unix.CAP_SYS_TIME, unix.CAP_MKNOD, unix.CAP_SYSLOG,
		unix.CAP_WAKE_ALARM, unix.CAP_BLOCK_SUSPEND, unix.CAP_MAC_ADMIN, unix.CAP_MAC_OVERRIDE, unix.CAP_AUDIT_CONTROL,
	} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
	return nil
}
