package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// namespaceKinds are the namespaces that the containers of a pod share.
func namespaceKinds(namespaces Namespaces) []namespaceKind {
	return []namespaceKind{
		{"net", unix.CLONE_NEWNET, namespaces.Net},
		{"uts", unix.CLONE_NEWUTS, namespaces.UTS},
		{"ipc", unix.CLONE_NEWIPC, namespaces.IPC},
	}
}

type namespaceKind struct {
	name string
	flag int
	path string
}

// createSandbox makes the namespaces and binds each to its file, which keeps it while no process is in it.
func createSandbox(input io.Reader) error {
	var plan SandboxPlan
	if err := json.NewDecoder(input).Decode(&plan); err != nil {
		return fmt.Errorf("unreadable plan: %w", err)
	}
	// Opened here, before this thread leaves the machine's network.
	machine, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer machine.Close()

	for _, kind := range namespaceKinds(plan.Namespaces) {
		if kind.path == "" {
			continue
		}
		if err := unix.Unshare(kind.flag); err != nil {
			return fmt.Errorf("new %s namespace: %w", kind.name, err)
		}
		if err := bindNamespace(kind); err != nil {
			return err
		}
	}
	if plan.Namespaces.UTS != "" && plan.Hostname != "" {
		if err := unix.Sethostname([]byte(plan.Hostname)); err != nil {
			return fmt.Errorf("hostname %q: %w", plan.Hostname, err)
		}
	}
	if plan.Network != nil {
		if err := connect(machine, plan.Network); err != nil {
			return err
		}
	}
	for name, value := range plan.Sysctls {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
			return fmt.Errorf("sysctl %s=%s: %w", name, value, err)
		}
	}
	return nil
}

func bindNamespace(kind namespaceKind) error {
	if err := os.MkdirAll(filepath.Dir(kind.path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(kind.path, nil, 0o600); err != nil {
		return err
	}
	if err := unix.Mount("/proc/thread-self/ns/"+kind.name, kind.path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the %s namespace to %s: %w", kind.name, kind.path, err)
	}
	return nil
}

// connect links the namespace that this thread is in to the machine's bridge. The pod's address
// is alone in its network (/32): everything it sends passes the machine, so that the machine's
// Service rules see replies between two pods of the same bridge as well.
func connect(machine *netlink.Handle, network *Network) error {
	bridge, err := machine.LinkByName(network.Bridge)
	if err != nil {
		return fmt.Errorf("the machine's bridge %q: %w", network.Bridge, err)
	}
	inside, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer inside.Close()

	attributes := netlink.NewLinkAttrs()
	attributes.Name = network.Interface
	attributes.MTU = network.MTU
	attributes.MasterIndex = bridge.Attrs().Index
	link := &netlink.Veth{LinkAttrs: attributes, PeerName: "eth0", PeerMTU: uint32(network.MTU), PeerNamespace: netlink.NsFd(inside.Fd())}
	if err := machine.LinkAdd(link); err != nil {
		return fmt.Errorf("link %s to bridge %s: %w", network.Interface, network.Bridge, err)
	}
	// A pod may reach itself through a Service: where the kernel filters bridged packets, they go back out of this port.
	if err := machine.LinkSetHairpin(link, true); err != nil {
		return fmt.Errorf("let %s reach itself: %w", network.Interface, err)
	}
	if err := machine.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring %s up: %w", network.Interface, err)
	}

	pod, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink in the pod: %w", err)
	}
	defer pod.Close()
	loopback, err := pod.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := pod.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	eth0, err := pod.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("eth0: %w", err)
	}
	address, err := netlink.ParseAddr(network.Address + "/32")
	if err != nil {
		return fmt.Errorf("address %q: %w", network.Address, err)
	}
	if err := pod.AddrAdd(eth0, address); err != nil {
		return fmt.Errorf("address %s: %w", network.Address, err)
	}
	if err := pod.LinkSetUp(eth0); err != nil {
		return fmt.Errorf("bring eth0 up: %w", err)
	}
	gateway := net.ParseIP(network.Gateway)
	if gateway == nil {
		return fmt.Errorf("gateway %q is not an address", network.Gateway)
	}
	routes := []*netlink.Route{
		{LinkIndex: eth0.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: gateway, Mask: net.CIDRMask(32, 32)}},
		{LinkIndex: eth0.Attrs().Index, Gw: gateway},
	}
	for _, route := range routes {
		if err := pod.RouteAdd(route); err != nil {
			return fmt.Errorf("route %s: %w", route, err)
		}
	}
	return nil
}

// deleteSandbox undoes createSandbox, as far as it got; what is already gone is no error.
func deleteSandbox(input io.Reader) error {
	var plan SandboxPlan
	if err := json.NewDecoder(input).Decode(&plan); err != nil {
		return fmt.Errorf("unreadable plan: %w", err)
	}
	var failures []error
	if plan.Network != nil {
		failures = append(failures, disconnect(plan.Network.Interface))
	}
	for _, kind := range namespaceKinds(plan.Namespaces) {
		if kind.path == "" {
			continue
		}
		// EINVAL: the file is there, but nothing is mounted on it.
		if err := unix.Unmount(kind.path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			failures = append(failures, fmt.Errorf("release %s: %w", kind.path, err))
			continue
		}
		if err := os.Remove(kind.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func disconnect(name string) error {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	// The other end may be disappearing with its namespace at this moment, and this one with it.
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}
