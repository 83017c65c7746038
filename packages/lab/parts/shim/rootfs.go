package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// devices are the machine's device files that every container has. They are bound rather than
// made: in a user namespace nobody may make device files.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// enterRoot makes the container's file system as planned and moves into it. The caller is in a
// mount namespace of its own, so nothing of this is visible to, or left for, anybody else.
func enterRoot(plan *ContainerPlan) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	root := plan.Root.Target
	if err := mountOverlay(plan.Root); err != nil {
		return err
	}
	// proc and sysfs are mounted while the machine's own are still in sight: in a user namespace
	// the kernel refuses them otherwise.
	special := []struct {
		kind, path, options string
		flags               uintptr
	}{
		{"proc", "/proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"sysfs", "/sys", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY},
		{"tmpfs", "/dev", "mode=755,size=64k", unix.MS_NOSUID | unix.MS_NOEXEC},
	}
	for _, mount := range special {
		if err := unix.Mount(mount.kind, root+mount.path, mount.kind, mount.flags, mount.options); err != nil {
			return fmt.Errorf("mount %s: %w", mount.path, err)
		}
	}
	// Sources are opened before the machine's files go out of sight, and put in place after: every
	// link in a target's path then leads to where the container's own files say.
	mounts := make([]Mount, 0, len(plan.Mounts)+len(devices))
	for _, name := range devices {
		mounts = append(mounts, Mount{Source: "/dev/" + name, Target: "/dev/" + name})
	}
	mounts = append(mounts, plan.Mounts...)
	trees := make([]int, len(mounts))
	for index, mount := range mounts {
		tree, err := unix.OpenTree(unix.AT_FDCWD, mount.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return fmt.Errorf("mount %s on %s: %w", mount.Source, mount.Target, err)
		}
		trees[index] = tree
	}
	if err := pivot(root); err != nil {
		return err
	}
	if err := finishDevices(); err != nil {
		return err
	}
	for index, mount := range mounts {
		if err := place(trees[index], mount); err != nil {
			return fmt.Errorf("mount %s on %s: %w", mount.Source, mount.Target, err)
		}
	}
	if err := restrictPaths(plan); err != nil {
		return err
	}
	if plan.Process.Cwd != "" {
		if err := os.MkdirAll(plan.Process.Cwd, 0o755); err != nil {
			return fmt.Errorf("working directory: %w", err)
		}
	}
	if plan.Root.ReadOnly {
		if err := setReadOnly("/", false); err != nil {
			return fmt.Errorf("make the root read-only: %w", err)
		}
	}
	return nil
}

func mountOverlay(root Root) error {
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`)
	// volatile: nobody needs a container's layer after the machine crashed, so it is never synced.
	options := "volatile,lowerdir=" + escape.Replace(root.Lower) + ",upperdir=" + escape.Replace(root.Upper) + ",workdir=" + escape.Replace(root.Work)
	if root.UserNamespace {
		options += ",userxattr"
	}
	if err := unix.Mount("overlay", root.Target, "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay of %s on %s: %w", root.Upper, root.Lower, err)
	}
	return nil
}

func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root to %s: %w", root, err)
	}
	// The machine's root now lies on top of the container's; the folder "." still means the former.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the machine's root: %w", err)
	}
	return unix.Chdir("/")
}

func finishDevices() error {
	for _, folder := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mount /dev/pts: %w", err)
	}
	if err := unix.Mount("shm", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m"); err != nil {
		return fmt.Errorf("mount /dev/shm: %w", err)
	}
	links := [][2]string{
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
		{"pts/ptmx", "/dev/ptmx"},
	}
	for _, link := range links {
		if err := os.Symlink(link[0], link[1]); err != nil {
			return err
		}
	}
	return nil
}

// place puts a tree that was opened earlier on its target, which is made if it is missing.
func place(tree int, mount Mount) error {
	defer unix.Close(tree)
	var source unix.Stat_t
	if err := unix.Fstat(tree, &source); err != nil {
		return err
	}
	if source.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := os.MkdirAll(mount.Target, 0o755); err != nil {
			return err
		}
	} else if err := makeFile(mount.Target); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, mount.Target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return err
	}
	if mount.ReadOnly {
		return setReadOnly(mount.Target, mount.RecursiveReadOnly)
	}
	return nil
}

func makeFile(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func setReadOnly(path string, recursive bool) error {
	flags := uint(0)
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	return unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// restrictPaths hides and write-protects the parts of /proc and /sys that tell about or change the machine.
func restrictPaths(plan *ContainerPlan) error {
	for _, path := range plan.ReadonlyPaths {
		err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = setReadOnly(path, true)
		}
		if err != nil {
			return fmt.Errorf("make %s read-only: %w", path, err)
		}
	}
	for _, path := range plan.MaskedPaths {
		information, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && information.IsDir() {
			err = unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "size=0k")
		} else if err == nil {
			err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}
