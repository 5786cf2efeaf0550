package probe_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// A frame from somebody else's MAC moves that in the forwarding table, and
// accuses nobody.
func TestForgedSourceAccusesNobody(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	stranger := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested}, Delay: 50 * time.Millisecond})
	f.Stranger(f.Within(node, "vmbr0", 666), lab.Script{
		MAC: stranger.MAC, Addrs: []netip.Addr{addr("10.0.0.77")}, Mute: true, Announce: time.Millisecond,
	})
	for name, change := range map[string]func(*probe.Question){
		"with a gateway that is silent": nil, // the ear is open all the time
		"without a gateway":             func(q *probe.Question) { q.Gateways = nil },
	} {
		r := ask(t, node, change)
		want(t, r, probe.Taken, probe.Free)
		if got := r.Answers[0]; len(got.Ports) != 1 || got.Ports[0] != "eno1" {
			t.Errorf("%s: %v on %v", name, got.MACs, got.Ports)
		}
	}
}

// Who answers with other MACs each time is told by the port.
func TestRotatingMACsHaveOnePort(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Stranger(f.Within(node, "vmbr0", 666), lab.Script{All: true, Rotate: true})
	r := ask(t, node, func(q *probe.Question) { q.Gateways = nil })
	for _, a := range r.Answers {
		if a.Verdict != probe.Taken || a.Ports[len(a.Ports)-1] != "veth666i0" {
			t.Errorf("%s: %s on %v", a.Addr, a.Verdict, a.Ports)
		}
	}
}

// masked is a node whose switch port still learns, and a guest on it that
// answers as the gateway.
func masked(t *testing.T) (lab.Fixture, *lab.Node) {
	f := lab.New(t)
	lan := f.LAN()
	f.Host(lan, "10.0.0.1/24", "2001:db8::1/64")
	node, cable := f.Node("pve1", lan)
	f.Must(node.DisableIPv6())
	f.Must(cable.Learn())
	guest := f.Guest(node, "vmbr0", 666, "10.0.0.1/24")
	f.Must(guest.AddAddr("eth0", netip.MustParsePrefix("2001:db8::1/64")))
	return f, node
}

// A guest that answers as the gateway is no sign of life, unless it is known to
// be the gateway.
func TestGuestThatAnswersAsTheGateway(t *testing.T) {
	t.Parallel()
	_, node := masked(t)
	for name, c := range map[string]struct {
		gateway, tested, idle netip.Addr
		guests                []pve.VMID
		want                  probe.Verdict
	}{
		"IPv4":            {gateway, tested, idle, nil, probe.Unknown},
		"IPv6":            {sixGateway, sixTested, sixIdle, nil, probe.Unknown},
		"another's, IPv4": {gateway, tested, idle, []pve.VMID{667}, probe.Unknown},
		"its own, IPv4":   {gateway, tested, idle, []pve.VMID{666}, probe.Free},
		"its own, IPv6":   {sixGateway, sixTested, sixIdle, []pve.VMID{666}, probe.Free},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ask(t, node, func(q *probe.Question) {
				q.Candidates = []netip.Addr{c.tested, c.idle}
				q.Gateways = []probe.Gateway{{Addr: c.gateway, Known: true, Guests: c.guests}}
			})
			want(t, r, c.want, c.want)
			if sign := r.Gateways[c.gateway]; sign.Outside || (c.want == probe.Free) != (sign.Port == "veth666i0") {
				t.Errorf("sign of life: %+v", sign)
			}
			if poser := r.Posers[c.gateway]; (c.want == probe.Unknown) != (poser.Port == "veth666i0") || c.want == probe.Unknown && !strings.Contains(r.Doubt, "veth666i0") {
				t.Errorf("%+v: %s", poser, r.Doubt)
			}
		})
	}
}

// The gateway on the uplink is heard beside a guest that speaks faster in its
// name and from its MAC.
func TestGatewayIsHeardBesideAGuestThatPlaysIt(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	real := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{gateway}, Delay: 20 * time.Millisecond})
	f.Stranger(f.Within(node, "vmbr0", 666), lab.Script{MAC: real.MAC, Addrs: []netip.Addr{gateway}})
	r := ask(t, node, func(q *probe.Question) { q.Gateways[0].Known = true })
	want(t, r, probe.Free, probe.Free)
	if got, want := r.Gateways[gateway], (probe.Sign{MAC: real.MAC, Port: "eno1", Outside: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// In a VLAN the ports are told too, and who sits in another VLAN and sends the
// very same frames is not taken for anybody in this one.
func TestPortsInAVLAN(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20, 30)
	tagged := f.TaggedHost(lan, 20, "10.0.0.201/24")
	port := openAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20}, "eno1")
	r := askPort(t, port, nil)
	want(t, r, probe.Taken, probe.Free)
	if got := r.Answers[0]; got.Ports[0] != "eno1" || got.MACs[0] != tagged.MAC {
		t.Errorf("%v on %v", got.MACs, got.Ports)
	}
}
