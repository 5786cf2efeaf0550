package hook_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// host is a Proxmox node of one test: its network, and its files in a tree
// that --root names.
type host struct {
	lab.Fixture
	t       testing.TB
	tree    *lab.Tree
	lan     *lab.LAN
	node    *lab.Node
	cable   *lab.Cable // of vmbr0's uplink
	root    string
	bin     string // a directory of programs
	cluster string // name of the one it is in, empty for none
}

// newHost makes the node pve1 with these pools, on a LAN of its own.
func newHost(t testing.TB, pools string) *host {
	t.Helper()
	f := lab.New(t)
	h := host{Fixture: f, t: t, tree: f.Tree("pve1", "pve2"), bin: programs(t)}
	p := h.peer("pve1", h.LAN())
	p.pools(pools)
	return p
}

// programs is a directory with the parts that the test binary plays.
func programs(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range parts() {
		if name == monitorPart { // is known by its file: see lives
			continue
		}
		if err := os.Symlink(exe, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// peer makes another node of the same cluster, whose vmbr0 is on a LAN.
func (h *host) peer(name string, lan *lab.LAN) *host {
	h.t.Helper()
	p := *h
	p.lan, p.root = lan, h.tree.Root(name)
	p.node, p.cable = p.Node(name, lan)
	return &p
}

// gateway puts the usual one on the LAN.
func (h *host) gateway() *lab.Host { return h.stranger("10.0.0.1") }

// stranger puts a host on the LAN that has these addresses. A kernel answers
// for it, however busy the machine is.
func (h *host) stranger(addrs ...string) *lab.Host {
	h.t.Helper()
	return h.neighbour(lab.RandomMAC(), addrs...)
}

// neighbour is a stranger with a certain MAC.
func (h *host) neighbour(mac pve.MAC, addrs ...string) *lab.Host {
	h.t.Helper()
	prefixes := make([]netip.Prefix, len(addrs))
	for i, a := range addrs {
		prefixes[i] = netip.PrefixFrom(netip.MustParseAddr(a), 24)
	}
	n, err := h.lan.Host(mac, prefixes...)
	h.Must(err)
	h.t.Cleanup(func() { _ = n.Close() })
	return n
}

// silence turns a host off.
func (h *host) silence(s *lab.Host) {
	h.t.Helper()
	h.Must(s.SetUp("eth0", false))
}

// script puts a host on the LAN that behaves in a certain way.
func (h *host) script(s lab.Script, addrs ...string) *lab.Stranger {
	h.t.Helper()
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, netip.MustParseAddr(a))
	}
	return h.Stranger(h.lan, s)
}

// within is a guest of the node, not in any config, that behaves in a certain
// way.
func (h *host) within(id pve.VMID, s lab.Script, addrs ...string) *lab.Stranger {
	h.t.Helper()
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, netip.MustParseAddr(a))
	}
	return h.Stranger(h.Within(h.node, "vmbr0", id), s)
}

func (h *host) path(abs string) string { return filepath.Join(h.root, abs) }

// write makes a file, and the directories to it.
func (h *host) write(abs, text string) {
	h.t.Helper()
	h.Must(os.MkdirAll(filepath.Dir(h.path(abs)), 0o755))
	h.Must(os.WriteFile(h.path(abs), []byte(text), 0o644))
}

func (h *host) read(abs string) string {
	h.t.Helper()
	data, err := os.ReadFile(h.path(abs))
	h.Must(err)
	return string(data)
}

// pools replaces the pools file.
func (h *host) pools(text string) { h.write("/etc/pve/pve-iplease/pools.cfg", text) }

// settings replaces this node's node.cfg.
func (h *host) settings(text string) { h.write("/etc/pve-iplease/node.cfg", text) }

// confPath is where a container's config lies.
func (h *host) confPath(id pve.VMID) string {
	return "/etc/pve/nodes/" + h.node.Name + "/lxc/" + id.String() + ".conf"
}

// wired is a pool with room for ten; lan is the same with a shorter window,
// for tests in which nobody else speaks.
const (
	wired = `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.209
`
	lan = wired + "\tprobe fast\n"
)
