package probe_test

import (
	"net/netip"
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// In an EVPN zone probes are swallowed. From the zone's gateway, which is the
// bridge itself, hosts can be asked, and those that another node has told of
// are in the neighbour table.
func TestEVPN(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	f.Host(lan, "10.0.0.201/24", "2001:db8::201/64")
	node, _ := f.Node("pve1", lan)
	f.Must(node.SetNeighSuppress("eno1", true))
	ask4 := func(q *probe.Question) {
		q.Candidates = []netip.Addr{tested, idle}
		q.Gateways = []probe.Gateway{{Addr: gateway}}
	}
	ask6 := func(q *probe.Question) {
		q.Candidates = []netip.Addr{sixTested, sixIdle}
		q.Gateways = nil
	}
	if r := ask(t, node, ask4); r.Answers[0].Verdict == probe.Free || r.Answers[1].Verdict != probe.Unknown {
		t.Errorf("without an address of the bridge's own: %+v", r) // some kernels let questions of the bridge itself pass
	}
	f.Must(node.AddAddr("vmbr0", netip.MustParsePrefix("10.0.0.1/24")))
	f.Must(node.AddAddr("vmbr0", netip.MustParsePrefix("2001:db8::1/64")))
	want(t, ask(t, node, ask4), probe.Taken, probe.Free)
	want(t, ask(t, node, ask6), probe.Taken, probe.Free)
	told := lab.RandomMAC()
	f.Must(node.Tell("vmbr0", idle, told))
	f.Must(node.Tell("vmbr0", sixIdle, told))
	r := ask(t, node, ask4)
	want(t, r, probe.Taken, probe.Taken)
	if got := r.Answers[1].Reason; got != told.String()+" has it, as another node of the EVPN zone tells" {
		t.Error(got)
	}
	want(t, ask(t, node, ask6), probe.Taken, probe.Taken)
}
