package probe_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// The cast of the tests with IPv6.
var (
	sixGateway = addr("2001:db8::1")
	sixTested  = addr("2001:db8::201")
	sixIdle    = addr("2001:db8::202")
)

// A host that has an IPv6 address defends it, also one that never speaks
// first; IPv4 is asked in the same window.
func TestBothFamiliesInOneWindow(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	gw := f.Host(lan, "10.0.0.1/24", "2001:db8::1/64")
	stranger := f.Host(lan, "2001:db8::201/64")
	other := f.Host(lan, "10.0.0.202/24")
	node, _ := f.Node("pve1", lan)
	f.Must(node.DisableIPv6()) // as on a bridge whose host has none

	r := ask(t, node, func(q *probe.Question) {
		q.Candidates = []netip.Addr{tested, idle, sixTested, sixIdle}
		q.Gateways = []probe.Gateway{{Addr: gateway, Known: true}, {Addr: sixGateway, Known: true}}
		q.Pace.Probes = 2
	})
	var got []string
	for _, a := range r.Answers {
		got = append(got, a.Verdict.String())
	}
	if diff := cmp.Diff([]string{"free", "taken", "taken", "free"}, got); diff != "" {
		t.Errorf("%s%+v", diff, r)
	}
	if r.Answers[2].MACs[0] != stranger.MAC || r.Answers[1].MACs[0] != other.MAC {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(map[netip.Addr]probe.Sign{gateway: {MAC: gw.MAC, Port: "eno1", Outside: true}, sixGateway: {MAC: gw.MAC, Port: "eno1", Outside: true}}, r.Gateways); diff != "" {
		t.Error(diff)
	}
}

// Who is about to take an address asks for it with the same words as we do,
// and is heard: neither of us may take it.
func TestRivalOfIPv6(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	port := open(t, node, "vmbr0", "eno1")
	rival := f.Host(lan)
	pace, _ := probe.Preset("default")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	time.AfterFunc(100*time.Millisecond, func() {
		_ = rival.TakeAddr("eth0", netip.PrefixFrom(sixTested, 64)) // begins to ask at once, or after a second
	})
	// Once, and before: to be asked for an address ends a host's own asking.
	pace.Probes, pace.Wait = 1, 3*time.Second
	r, err := port.Ask(ctx, probe.Question{Candidates: []netip.Addr{sixTested}, Pace: pace})
	f.Must(err)
	if a := r.Answers[0]; a.Verdict != probe.Contended || a.MACs[0] != rival.MAC {
		t.Errorf("%+v", r)
	}
}

// A gateway that used to answer and is silent makes the silence of others
// worthless; each family has its own.
func TestSilentGatewayOfIPv6(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	f.Host(lan, "10.0.0.1/24")
	node, _ := f.Node("pve1", lan)
	r := ask(t, node, func(q *probe.Question) {
		q.Candidates = []netip.Addr{sixTested, sixIdle}
		q.Gateways = []probe.Gateway{{Addr: gateway, Known: true}, {Addr: sixGateway, Known: true}}
	})
	want(t, r, probe.Unknown, probe.Unknown)
}
