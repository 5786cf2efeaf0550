package probe_test

import (
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// Docker's macvlan and ipvlan networks hear nothing that is sent on the bridge
// device that they lie on, although the whole network talks to them.
func TestChildrenOfABridge(t *testing.T) {
	t.Parallel()
	for _, kind := range []lab.Child{lab.MACVLAN, lab.IPVLAN} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			f.Host(lan, "10.0.0.1/24", "10.0.0.203/24")
			node, _ := f.Node("pve1", lan)
			guest := f.Guest(node, "vmbr0", 105, "10.0.0.204/24")
			child := f.Child(node, "vmbr0", kind, "10.0.0.201/24", "2001:db8::201/64")

			for name, at := range map[string]probe.Place{
				"for a guest": {Bridge: "vmbr0", MAC: lab.RandomMAC()},
				"for nobody":  {Bridge: "vmbr0"},
			} {
				got, r := verdictsAt(t, node, at, "10.0.0.201", "10.0.0.202", "10.0.0.203", "10.0.0.204", "2001:db8::201", "2001:db8::202")
				if want := "taken free taken taken taken free"; got != want {
					t.Errorf("%s: %s, want %s: %+v", name, got, want, r)
					continue
				}
				if a := r.Answers[0]; a.MACs[0] != child.MAC || a.Ports[0] != "vmbr0" {
					t.Errorf("%s: %+v, want %s on vmbr0 itself", name, a, child.MAC)
				}
				if a := r.Answers[3]; a.MACs[0] != guest.MAC || a.Ports[0] != "veth105i0" {
					t.Errorf("%s: %+v, want %s on veth105i0", name, a, guest.MAC)
				}
			}
		})
	}
}

// The other ways to a bridge.
func TestChildrenElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("bridge that keeps VLANs apart", func(t *testing.T) {
		t.Parallel()
		f := lab.New(t)
		node, _ := f.AwareNode("pve1", f.LAN(), 20)
		f.Child(node, "vmbr0", lab.MACVLAN, "10.0.0.201/24")
		f.Must(node.JoinVLANs("vmbr0", 20))
		device, err := node.AddVLAN("vmbr0", 20)
		f.Must(err)
		f.Child(node, device, lab.MACVLAN, "10.0.0.202/24")
		if got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0"}, "10.0.0.201", "10.0.0.202"); got != "taken free" {
			t.Errorf("untagged: %s: %+v", got, r)
		}
		if got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20}, "10.0.0.201", "10.0.0.202"); got != "free taken" {
			t.Errorf("VLAN 20: %s: %+v", got, r)
		}
	})
	t.Run("bridge of a VLAN", func(t *testing.T) {
		t.Parallel()
		f := lab.New(t)
		node, _ := f.Node("pve1", f.LAN())
		f.Must(node.AddBridge("vmbr0v20"))
		f.Guest(node, "vmbr0v20", 105, "10.0.0.203/24")
		f.Child(node, "vmbr0v20", lab.MACVLAN, "10.0.0.201/24")
		_, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20}, "10.0.0.201", "10.0.0.203")
		if r.Answers[0].Verdict != probe.Taken || r.Answers[1].Verdict != probe.Taken {
			t.Errorf("%+v", r)
		}
	})
	t.Run("tagged frames on a bridge that knows no VLANs", func(t *testing.T) {
		t.Parallel()
		f := lab.New(t)
		f.NeedVLANs()
		lan := f.LAN()
		node, _ := f.Node("pve1", lan)
		device, err := node.AddVLAN("vmbr0", 20)
		f.Must(err)
		f.TaggedHost(lan, 20, "10.0.0.203/24")
		f.Child(node, device, lab.MACVLAN, "10.0.0.201/24")
		f.Child(node, "vmbr0", lab.MACVLAN, "10.0.0.202/24")
		if got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20}, "10.0.0.201", "10.0.0.202", "10.0.0.203"); got != "taken free taken" {
			t.Errorf("%s: %+v", got, r)
		}
	})
}

// Where no port can be made that forwards, nothing is called free.
func TestChildrenThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	f.Host(lan, "10.0.0.203/24")
	node, _ := f.Node("pve1", lan)
	f.Must(node.SetSpanningTree("vmbr0"))
	f.Child(node, "vmbr0", lab.MACVLAN, "10.0.0.201/24")
	for { // the uplink forwards again after some seconds
		got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0"}, "10.0.0.201", "10.0.0.203")
		if got == "unknown unknown" {
			continue
		}
		const want = "macvlan or ipvlan devices lie on vmbr0 and hear only what comes by a port, which spanning tree would keep shut; turn STP off on vmbr0"
		if got != "unknown taken" || r.Doubt != want {
			t.Errorf("%s, doubt %q", got, r.Doubt)
		}
		return
	}
}

// A port of ours leaves the bridge's own address alone.
func TestBridgeKeepsItsAddressWithChildren(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	f.Child(node, "vmbr0", lab.MACVLAN, "10.0.0.201/24")
	mac := func() pve.MAC {
		ifi, err := node.Interface("vmbr0")
		f.Must(err)
		return pve.MAC(ifi.HardwareAddr)
	}
	was := mac()
	port := openAt(t, node, probe.Place{Bridge: "vmbr0"}, "eno1")
	if during := mac(); during != was {
		t.Errorf("%s became %s", was, during)
	}
	port.Close()
}
