package probe_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// impostor is a host that speaks with the MAC of a guest that is about to start.
var impostor = pve.MAC{0xbc, 0x24, 0x11, 7, 7, 7}

// asItself asks in the name of CT 101, whose previous run is over.
func asItself(t *testing.T, node *lab.Node, at probe.Place, over bool, addrs ...netip.Addr) probe.Result {
	t.Helper()
	pace, _ := probe.Preset("default")
	q := probe.Question{Candidates: addrs, Own: []pve.MAC{impostor}, Pace: pace}
	if over {
		q.Gone = []string{"veth101i0"}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := openAt(t, node, at, "eno1").Ask(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// story tells of each answer in a few words.
func story(r probe.Result) string {
	var out []string
	for _, a := range r.Answers {
		s := a.Verdict.String()
		if a.Twin {
			s = "twin on " + a.Ports[0]
		}
		if a.Hearsay {
			s += " by hearsay"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// twinAt puts the guest's twin on a LAN.
func twinAt(t *testing.T, f lab.Fixture, lan *lab.LAN, addrs ...string) *lab.Host {
	t.Helper()
	prefixes := make([]netip.Prefix, len(addrs))
	for i, a := range addrs {
		prefixes[i] = netip.MustParsePrefix(a)
	}
	h, err := lan.Host(impostor, prefixes...)
	f.Must(err)
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// A twin answers when it is asked itself, by ARP and by IPv6, from the bridge
// and from a port like the guest's.
func TestTwin(t *testing.T) {
	t.Parallel()
	for name, children := range map[string]bool{"asked from the bridge": false, "asked from a port": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			node, _ := f.Node("pve1", lan)
			if children {
				f.Child(node, "vmbr0", lab.MACVLAN)
			}
			twinAt(t, f, lan, "10.0.0.201/24", "2001:db8::201/64")
			at := probe.Place{Bridge: "vmbr0", MAC: impostor}
			if got := story(asItself(t, node, at, false, tested, sixTested, idle)); got != "unknown by hearsay, unknown by hearsay, free" {
				t.Errorf("before its own run is over: %s", got)
			}
			r := asItself(t, node, at, true, tested, sixTested, idle)
			if got := story(r); got != "twin on eno1, twin on eno1, free" {
				t.Errorf("%s: %+v", got, r)
			}
			if got, want := r.Answers[0].Reason, impostor.String()+" answers on port eno1"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// The same in a VLAN of a bridge that keeps them apart.
func TestAwareBridgeFindsTwin(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20)
	h := twinAt(t, f, lan)
	device, err := h.AddVLAN("eth0", 20)
	f.Must(err)
	f.Must(h.AddAddr(device, netip.MustParsePrefix("10.0.0.201/24")))
	f.Must(h.AddAddr(device, netip.MustParsePrefix("2001:db8::201/64")))
	r := asItself(t, node, probe.Place{Bridge: "vmbr0", Tag: 20, MAC: impostor}, true, tested, sixTested, idle)
	if got := story(r); got != "twin on eno1, twin on eno1, free" {
		t.Errorf("%s: %+v", got, r)
	}
}

// What the guest's previous run says while it can is its own last word.
func TestOwnGuestIsNoTwin(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	own, err := node.Plug("vmbr0", "veth101i0", impostor)
	f.Must(err)
	t.Cleanup(func() { _ = own.Close() })
	f.Must(own.Configure(netip.MustParsePrefix("10.0.0.201/24"), netip.Addr{}))
	r := asItself(t, node, probe.Place{Bridge: "vmbr0"}, true, tested)
	want := impostor.String() + ", which is the guest's own MAC, answers on port veth101i0; veth101i0 of its previous run is still there"
	if got := story(r); got != "unknown by hearsay" || r.Answers[0].Reason != want {
		t.Errorf("%s: %+v", got, r)
	}
}

// EVPN's cache answers everybody in the guest's name, by ARP and by IPv6, and
// not who asks that MAC.
func TestCacheIsNoTwin(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Must(node.SetNeighSuppress("eno1", true)) // so that it asks from its own addresses
	f.Must(node.AddAddr("vmbr0", netip.MustParsePrefix("10.0.0.1/24")))
	f.Must(node.AddAddr("vmbr0", netip.MustParsePrefix("2001:db8::1/64")))
	f.Must(lan.Remember(impostor, tested, sixTested))
	at := probe.Place{Bridge: "vmbr0", MAC: impostor}
	r := asItself(t, node, at, true, tested, sixTested, idle)
	if got := story(r); got != "unknown by hearsay, unknown by hearsay, free" {
		t.Errorf("%s: %+v", got, r)
	}
	if got := r.Answers[0].Reason; !strings.HasSuffix(got, "but not when it is asked itself: a switch's cache (ARP suppression), or a twin that can't be reached") {
		t.Error(got)
	}
}

// Late answers to the questions before are no twin's.
func TestLateAnswerIsNoTwin(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Stranger(lan, lab.Script{MAC: impostor, Cache: true, Delay: 450 * time.Millisecond, Addrs: []netip.Addr{tested}})
	prompt := f.Stranger(lan, lab.Script{MAC: impostor, Cache: true, Addrs: []netip.Addr{tested}})
	if got := story(asItself(t, node, probe.Place{Bridge: "vmbr0"}, true, tested)); got != "unknown by hearsay" {
		t.Errorf("%s", got)
	}
	if prompt.Asked(tested) == 0 {
		t.Error("nobody was asked")
	}
}
