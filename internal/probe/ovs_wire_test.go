package probe_test

import (
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// Open vSwitch's VLANs are asked from the bridge's own port, and nothing is
// changed in it.
//
//nolint:paralleltest // there is one Open vSwitch on a host
func TestOpenVSwitch(t *testing.T) {
	f := lab.New(t)
	f.NeedVLANs()
	lan := f.LAN()
	node, err := lab.NewNode("pve1")
	f.Must(err)
	t.Cleanup(func() { _ = node.Close() })
	ovs := f.OpenVSwitch(node)
	_, err = node.Cable("eno1", lan)
	f.Must(err)
	f.Must(ovs.Do("add-br", "vmbr0", "--", "add-port", "vmbr0", "eno1", "--", "add-port", "vmbr0", "vlan50", "tag=50", "--", "set", "Interface", "vlan50", "type=internal"))
	f.Must(node.SetUp("vmbr0", true))
	f.TaggedHost(lan, 20, "10.0.0.201/24", "2001:db8::201/64")
	f.TaggedHost(lan, 30, "10.0.0.202/24")
	for id, tag := range map[string]string{"veth101i0": "20", "veth102i0": "30"} {
		guest, err := node.Plug("", id, lab.RandomMAC())
		f.Must(err)
		t.Cleanup(func() { _ = guest.Close() })
		f.Must(ovs.Do("add-port", "vmbr0", id, "tag="+tag))
		last := map[string]string{"20": "203", "30": "204"}[tag]
		f.Must(guest.AddAddr("eth0", prefix("10.0.0."+last+"/24")))
	}
	f.Host(lan, "10.0.0.205/24")
	everybody := []string{"10.0.0.201", "10.0.0.202", "10.0.0.203", "10.0.0.204", "10.0.0.205", "2001:db8::201"}
	awaitOpen(t, node)
	for tag, want := range map[uint16]string{
		20: "taken free taken free free taken",
		30: "free taken free taken free free",
		0:  "free free free free taken free",
	} {
		got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: tag, MAC: lab.RandomMAC()}, everybody...)
		if got != want {
			t.Errorf("VLAN %d: %s, want %s (%+v)", tag, got, want, r)
		}
	}
	f.Must(ovs.Do("set", "port", "eno1", "trunks=20"))
	if got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 30}, "10.0.0.202"); got != "unknown" || r.Doubt != "no uplink of vmbr0 is in VLAN 30: eno1" {
		t.Errorf("%s: %+v", got, r)
	}
	f.Must(ovs.Do("set", "port", "vmbr0", "tag=50"))
	err = node.Do(func() error { _, err := probe.Open(probe.Place{Bridge: "vmbr0", Tag: 20}, nil); return err })
	if err == nil || !strings.Contains(err.Error(), "the bridge's own port is kept to VLAN 50") {
		t.Errorf("got %v", err)
	}
}

// awaitOpen waits until Open vSwitch has taken note of the uplink's link.
func awaitOpen(t *testing.T, node *lab.Node) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0"}, "10.0.0.250")
		if r.Doubt == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(r.Doubt)
		}
	}
}
