package lab

import (
	"net/netip"
	"testing"

	"pve-iplease/internal/pve"
)

// Fixture builds networks for one test: what cannot be built fails the test,
// and all is taken down when the test ends.
type Fixture struct{ t testing.TB }

// New is where a test begins that needs networks; see Require.
func New(t testing.TB) Fixture {
	t.Helper()
	Require(t)
	return Fixture{t}
}

// Must fails the test on an error of any of the lab's functions.
func (f Fixture) Must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal("lab: ", err)
	}
}

// LAN makes a network segment.
func (f Fixture) LAN() *LAN {
	f.t.Helper()
	l, err := NewLAN()
	f.Must(err)
	f.t.Cleanup(func() { _ = l.Close() })
	return l
}

// Node makes a Proxmox host whose vmbr0, without IPv4, is plugged into the
// LAN by eno1. Without a LAN vmbr0 has no uplink, and the cable is nil.
func (f Fixture) Node(name string, lan *LAN) (*Node, *Cable) {
	f.t.Helper()
	n, err := NewNode(name)
	f.Must(err)
	f.t.Cleanup(func() { _ = n.Close() })
	f.Must(n.AddBridge("vmbr0"))
	if lan == nil {
		return n, nil
	}
	cable, err := n.Uplink("vmbr0", "eno1", lan)
	f.Must(err)
	return n, cable
}

// Host plugs a real host into the LAN; addrs read 10.0.0.1/24.
func (f Fixture) Host(lan *LAN, addrs ...string) *Host {
	f.t.Helper()
	prefixes := make([]netip.Prefix, len(addrs))
	for i, a := range addrs {
		prefixes[i] = netip.MustParsePrefix(a)
	}
	h, err := lan.Host(RandomMAC(), prefixes...)
	f.Must(err)
	f.t.Cleanup(func() { _ = h.Close() })
	return h
}

// Guest plugs a guest into a node's bridge, as its net0; addr reads
// 10.0.0.200/24 and may be empty.
func (f Fixture) Guest(n *Node, bridge string, id pve.VMID, addr string) *Host {
	f.t.Helper()
	h, err := n.Plug(bridge, GuestPort(id, 0), RandomMAC())
	f.Must(err)
	f.t.Cleanup(func() { _ = h.Close() })
	if addr != "" {
		f.Must(h.Configure(netip.MustParsePrefix(addr), netip.Addr{}))
	}
	return h
}

// Within is a LAN behind the port of a container's net0: what scripted hosts
// there say, the container says.
func (f Fixture) Within(n *Node, bridge string, id pve.VMID) *LAN {
	f.t.Helper()
	l := f.LAN()
	_, err := n.Uplink(bridge, GuestPort(id, 0), l)
	f.Must(err)
	return l
}

// Stranger puts a scripted host on the LAN.
func (f Fixture) Stranger(lan *LAN, s Script) *Stranger {
	f.t.Helper()
	stranger, err := lan.Stranger(s)
	f.Must(err)
	return stranger
}
