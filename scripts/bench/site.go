package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

const (
	nodeName = "pve1"
	bridge   = "vmbr0"
	uplink   = "eno1"
)

// site is a LAN with a Proxmox node on it, whose files are in a scratch tree.
type site struct {
	program   string
	lan       *lab.LAN
	node      *lab.Node
	tree      *lab.Tree
	strangers []*lab.Stranger
}

// newSite makes a node whose vmbr0 has an address of its own, which most of
// what is compared with cannot do without.
func (b *bench) newSite(later *cleanup, node netip.Prefix, pools string) (*site, error) {
	s := &site{program: b.program}
	var err error
	if s.lan, err = lab.NewLAN(); err != nil {
		return nil, err
	}
	later.add(s.lan.Close)
	if s.node, err = lab.NewNode(nodeName); err != nil {
		return nil, err
	}
	later.add(s.node.Close)
	if err := s.node.DisableIPv6(); err != nil { // it would be counted
		return nil, err
	}
	if err := s.node.AddBridge(bridge, node); err != nil {
		return nil, err
	}
	if _, err := s.node.Uplink(bridge, uplink, s.lan); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(scratch, "site")
	if err != nil {
		return nil, err
	}
	later.add(func() error { return os.RemoveAll(dir) })
	if s.tree, err = lab.NewTree(dir, nodeName); err != nil {
		return nil, err
	}
	return s, s.tree.WritePools(pools)
}

// occupy puts a host on the LAN for each of the addresses, in place of those
// that were there. They behave by the script.
func (s *site) occupy(addrs []netip.Addr, script lab.Script) error {
	s.leave()
	for i, a := range addrs {
		script.Addrs, script.Seed = []netip.Addr{a}, script.Seed+uint64(i)
		st, err := s.lan.Stranger(script)
		if err != nil {
			return err
		}
		s.strangers = append(s.strangers, st)
	}
	return nil
}

func (s *site) leave() {
	for _, st := range s.strangers {
		st.Leave()
	}
	s.strangers = nil
}

// hook is the program as Proxmox calls it.
func (s *site) hook(id pve.VMID, phase string) *exec.Cmd { return s.command(id.String(), phase) }

// command is the program, on the node's files.
func (s *site) command(args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: s.program,
		Args: append([]string{s.program, "--root", s.tree.Root(nodeName)}, args...),
		Env:  []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C"},
		Dir:  "/",
	}
}

// run runs a command on the node to its end, and counts what it sent. The node
// has forgotten who its neighbours are.
func (s *site) run(cmd *exec.Cmd) (spent, error) {
	before, err := s.fresh()
	if err != nil {
		return spent{}, err
	}
	sp, err := spend(s.node, cmd)
	if err != nil {
		return sp, err
	}
	after, err := s.node.Sent(uplink)
	sp.sent = after - before
	return sp, err
}

// fresh makes the node forget its neighbours, and tells how much it has sent.
func (s *site) fresh() (sent uint64, err error) {
	if err := s.node.Forget(bridge); err != nil {
		return 0, err
	}
	return s.node.Sent(uplink)
}

// container puts a stopped container without an address on the node.
func (s *site) container(id pve.VMID, ip string) error {
	return s.tree.WriteCT(nodeName, id, lab.CT{Hostname: fmt.Sprintf("ct%d", id), Hook: "pve-iplease", MAC: lab.RandomMAC(), IP: ip})
}

// forgetLeases makes the ledger one that was never used, and the node one
// that has remembered nothing.
func (s *site) forgetLeases() error {
	return errors.Join(
		os.RemoveAll(s.path("/etc/pve/priv/pve-iplease")),
		os.RemoveAll(s.path("/var/lib/pve-iplease")),
	)
}

func (s *site) path(abs string) string { return s.tree.Path(nodeName, abs) }

// leased is the address that a container's net0 has; invalid if none.
func (s *site) leased(id pve.VMID) (netip.Addr, error) {
	conf, err := s.tree.Config(nodeName, id)
	if err != nil {
		return netip.Addr{}, err
	}
	p, err := netip.ParsePrefix(conf.Net("net0")["ip"])
	if err != nil {
		return netip.Addr{}, fmt.Errorf("CT %d: net0 has no address: %w", id, err)
	}
	return p.Addr(), nil
}

// span lists n addresses from the first.
func span(first netip.Addr, n int) []netip.Addr {
	all := make([]netip.Addr, n)
	for i := range all {
		all[i], first = first, first.Next()
	}
	return all
}

// file makes a path below the scratch directory.
func file(name string) string { return filepath.Join(scratch, name) }
