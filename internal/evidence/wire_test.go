package evidence_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// earOf listens on a node of the lab.
func earOf(n *lab.Node) evidence.Prober {
	pace, _ := probe.Preset("fast")
	return evidence.Prober{Pace: pace, Open: func(at probe.Place) (evidence.Wire, error) {
		var port *probe.Port
		err := n.Do(func() (err error) {
			port, err = probe.Open(at, []string{"eno1"})
			return err
		})
		return port, err
	}}
}

func lookAt(t *testing.T, n *lab.Node, look func() (evidence.Kernel, error)) evidence.Kernel {
	t.Helper()
	var k evidence.Kernel
	if err := n.Do(func() (err error) {
		k, err = look()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return k
}

// Everybody who answers is heard, with the port that he sits behind.
func TestListen(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	guest := f.Guest(node, "vmbr0", 101, "10.0.0.219/24")
	stranger := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested, addr("10.0.0.220")}})
	six := f.Host(lan, "fd00::1/64")

	got := earOf(node).Listen(t.Context(), []evidence.Inquiry{{
		Segment: pve.NewSegment("vmbr0", 0), Subnet: netip.MustParsePrefix("10.0.0.0/24"),
		Addrs: []netip.Addr{tested, addr("10.0.0.220"), addr("10.0.0.221"), addr("fd00::1")},
	}})
	for i := range got {
		slices.SortFunc(got[i].Voices, func(a, b evidence.Responder) int { return len(b.Port) - len(a.Port) })
		got[i].Sent = 0
	}
	segment, behind := pve.NewSegment("vmbr0", 0), evidence.Responder{MAC: stranger.MAC, Port: "eno1"}
	want := []evidence.ProbeResult{
		{Segment: segment, Addr: tested, Voices: []evidence.Responder{{MAC: guest.MAC, Port: "veth101i0"}, behind}},
		{Segment: segment, Addr: addr("10.0.0.220"), Voices: []evidence.Responder{behind}},
		{Segment: segment, Addr: addr("10.0.0.221")},
		{Segment: segment, Addr: addr("fd00::1"), Voices: []evidence.Responder{{MAC: six.MAC, Port: "eno1"}}},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListenTellsProxies(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	proxy := f.Stranger(lan, lab.Script{All: true})
	for subnet, want := range map[string]bool{"10.0.0.0/24": true, "10.0.0.216/29": false} {
		got := earOf(node).Listen(t.Context(), []evidence.Inquiry{{
			Segment: pve.NewSegment("vmbr0", 0), Addrs: []netip.Addr{tested}, Subnet: netip.MustParsePrefix(subnet),
		}})
		if diff := cmp.Diff([]evidence.Responder{{MAC: proxy.MAC, Port: "eno1", Proxy: want}}, got[0].Voices); diff != "" {
			t.Errorf("%s: -want +got:\n%s", subnet, diff)
		}
	}
}

// A guest that answers for everybody from ever new MACs is a proxy all the same.
func TestListenTellsProxiesByTheirPort(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	f.Stranger(f.Within(node, "vmbr0", 666), lab.Script{All: true, Rotate: true})
	q := evidence.Inquiry{Segment: pve.NewSegment("vmbr0", 0), Addrs: []netip.Addr{tested}, Subnet: netip.MustParsePrefix("10.0.0.0/24")}
	heard := earOf(node).Listen(t.Context(), []evidence.Inquiry{q})
	survey, err := earOf(node).Sweep(t.Context(), q, probe.SweepPreset(1, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string][]evidence.ProbeResult{"one address": heard, "a sweep": survey.Heard} {
		if len(h) != 1 || len(h[0].Voices) == 0 {
			t.Fatalf("%s: %+v", name, h)
		}
		for _, v := range h[0].Voices {
			if v.Port != "veth666i0" || !v.Proxy {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
}

// What can't be asked is a doubt, not a failure.
func TestListenDoubts(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	for s, want := range map[pve.Segment]string{
		pve.NewSegment("vmbr9", 0):  "there is no bridge vmbr9 on this node",
		pve.NewSegment("vmbr9", 20): "there is no bridge vmbr9 on this node",
	} {
		got := earOf(node).Listen(t.Context(), []evidence.Inquiry{{Segment: s, Addrs: []netip.Addr{tested}}})
		if len(got) != 1 || got[0].Doubt != want {
			t.Errorf("%s: %+v, want the doubt %q", s, got, want)
		}
	}
}

// The kernel's tables say whom the node talked to, and who sits where.
func TestLookAtKernel(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Must(node.AddAddr("vmbr0", netip.MustParsePrefix("10.0.0.5/24")))
	guest := f.Guest(node, "vmbr0", 101, "10.0.0.219/24")
	host := f.Host(lan, "10.0.0.1/24")
	for _, h := range []*lab.Host{guest, host} { // they ask the node, and so it learns of them
		if _, err := h.Resolve(t.Context(), addr("10.0.0.5")); err != nil {
			t.Fatal(err)
		}
	}
	k := lookAt(t, node, evidence.LookAtKernel)
	if diff := cmp.Diff([]string{"vmbr0"}, k.Bridges); diff != "" {
		t.Errorf("bridges: %s", diff)
	}
	neighbours := map[string]string{}
	for _, n := range k.Neighbours {
		neighbours[n.Addr.String()] = n.MAC.String() + " " + n.Device
		if n.Seen < 0 || n.Seen > time.Hour {
			t.Errorf("%s was seen %v ago", n.Addr, n.Seen)
		}
	}
	for a, h := range map[string]*lab.Host{"10.0.0.219": guest, "10.0.0.1": host} {
		if got, want := neighbours[a], h.MAC.String()+" vmbr0"; got != want {
			t.Errorf("%s is %q, want %q", a, got, want)
		}
	}
	ports := map[pve.MAC]string{}
	for _, s := range k.Stations {
		ports[s.MAC] = s.Bridge + " " + s.Port
	}
	bridge, err := node.Interface("vmbr0")
	if err != nil || k.Own[pve.MAC(bridge.HardwareAddr)] == "" {
		t.Errorf("vmbr0's address is not the node's own: %v, %v", k.Own, err)
	}
	glance := lookAt(t, node, evidence.GlanceAtKernel)
	if diff := cmp.Diff(k.Bridges, glance.Bridges); diff != "" {
		t.Errorf("bridges at a glance: %s", diff)
	}
	if len(glance.Neighbours) != len(k.Neighbours) {
		t.Errorf("%d neighbours at a glance, want %d", len(glance.Neighbours), len(k.Neighbours))
	}
	for _, n := range glance.Neighbours {
		if got := n.MAC.String() + " " + n.Device; got != neighbours[n.Addr.String()] {
			t.Errorf("%s is %q at a glance", n.Addr, got)
		}
	}
	if got := []string{ports[guest.MAC], ports[host.MAC]}; !slices.Equal(got, []string{"vmbr0 veth101i0", "vmbr0 eno1"}) {
		t.Errorf("stations behind %q", got)
	}
}
