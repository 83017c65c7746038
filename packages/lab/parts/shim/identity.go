package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitCapabilities takes from this thread, and so from what it starts, the ability to ever have
// other capabilities than those allowed.
func limitCapabilities(allowed []uint) error {
	keep := capabilityMask(allowed)
	for number := uint(0); number <= unix.CAP_LAST_CAP; number++ {
		if keep&(1<<number) != 0 {
			continue
		}
		// EINVAL: a kernel older than the list does not have it, so there is nothing to take.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("drop capability %d: %w", number, err)
		}
	}
	return nil
}

// become changes this thread's user, groups and capabilities for good. The next program it executes has them.
func become(process Process) error {
	groups := make([]int, len(process.Groups))
	for index, group := range process.Groups {
		groups[index] = int(group)
	}
	if err := setGroups(process.Groups); err != nil {
		return fmt.Errorf("supplementary groups %v: %w", groups, err)
	}
	if err := unix.Setresgid(int(process.GID), int(process.GID), int(process.GID)); err != nil {
		return fmt.Errorf("group %d: %w", process.GID, err)
	}
	if len(process.AmbientCapabilities) > 0 {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("keep capabilities: %w", err)
		}
	}
	if err := unix.Setresuid(int(process.UID), int(process.UID), int(process.UID)); err != nil {
		return fmt.Errorf("user %d: %w", process.UID, err)
	}
	if process.UID == 0 || len(process.AmbientCapabilities) > 0 {
		if err := setCapabilities(capabilityMask(process.Capabilities), capabilityMask(process.AmbientCapabilities)); err != nil {
			return fmt.Errorf("capabilities: %w", err)
		}
	}
	for _, number := range process.AmbientCapabilities {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(number), 0, 0); err != nil {
			return fmt.Errorf("ambient capability %d: %w", number, err)
		}
	}
	if process.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no new privileges: %w", err)
		}
	}
	return nil
}

// setGroups is for this thread only; the standard library's stops all threads to change them alike.
func setGroups(groups []uint32) error {
	var first unsafe.Pointer
	if len(groups) > 0 {
		first = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0); errno != 0 {
		return errno
	}
	return nil
}

func setCapabilities(permitted, inheritable uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{}
	for word := range data {
		shift := uint(32 * word)
		data[word].Permitted = uint32(permitted >> shift)
		data[word].Effective = uint32(permitted >> shift)
		data[word].Inheritable = uint32(inheritable >> shift)
	}
	return unix.Capset(&header, &data[0])
}

func capabilityMask(numbers []uint) uint64 {
	var mask uint64
	for _, number := range numbers {
		mask |= 1 << number
	}
	return mask
}
