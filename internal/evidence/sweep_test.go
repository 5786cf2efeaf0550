package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// network is an inquiry for the hosts of 10.0.0.0/24.
func network() evidence.Inquiry {
	q := evidence.Inquiry{Segment: pve.NewSegment("vmbr0", 0), Subnet: netip.MustParsePrefix("10.0.0.0/24")}
	for a := addr("10.0.0.1"); a != addr("10.0.0.255"); a = a.Next() {
		q.Addrs = append(q.Addrs, a)
	}
	return q
}

func fastPace(q evidence.Inquiry) probe.SweepPace { return probe.SweepPreset(len(q.Addrs), true) }

// All of a network is heard in one go.
func TestSweep(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	guest := f.Guest(node, "vmbr0", 101, "10.0.0.219/24")
	stranger := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested}})
	s, err := earOf(node).Sweep(t.Context(), network(), fastPace(network()), nil)
	f.Must(err)
	if len(s.Heard) != 1 || s.Heard[0].Addr != tested || len(s.Heard[0].Voices) != 2 {
		t.Fatalf("heard %+v", s.Heard)
	}
	for _, v := range s.Heard[0].Voices {
		if want := map[pve.MAC]string{guest.MAC: "veth101i0", stranger.MAC: "eno1"}[v.MAC]; v.Port != want || v.Proxy || v.Asks {
			t.Errorf("%+v, want the port %s", v, want)
		}
	}
	if s.Asked != 254 || s.Doubt != "" || s.Sent != 3*254-1 {
		t.Errorf("%+v", s)
	}
	if silent := s.Silent(network().Addrs); len(silent) != 253 || silent[0].Doubt != "" {
		t.Errorf("%d are silent", len(silent))
	}
}

// A proxy is told from hosts, whether all of a network is asked or little.
func TestSweepTellsProxies(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	proxy := f.Stranger(lan, lab.Script{All: true})
	few := network()
	few.Addrs = []netip.Addr{tested, addr("10.0.0.220")}
	for name, q := range map[string]evidence.Inquiry{"many": network(), "few": few} {
		s, err := earOf(node).Sweep(t.Context(), q, fastPace(q), nil)
		f.Must(err)
		if len(s.Heard) != len(q.Addrs) || !s.Heard[0].Voices[0].Proxy {
			t.Errorf("%s: %d heard: %+v", name, len(s.Heard), s.Heard[0])
		}
		rows, proxies := newWorld().Residents(s, func(netip.Addr) bool { return false })
		want := []evidence.Proxy{{MAC: proxy.MAC.String(), Port: "eno1", Addresses: len(q.Addrs)}}
		if diff := cmp.Diff(want, proxies); diff != "" || len(rows) > 0 {
			t.Errorf("%s: %d rows, %s", name, len(rows), diff)
		}
	}
}

// What can't be asked is a doubt; what was heard before the end is kept.
func TestSweepDoubts(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Stranger(lan, lab.Script{Addrs: []netip.Addr{addr("10.0.0.2")}})
	q := network()
	q.Segment.Bridge = "vmbr9"
	s, err := earOf(node).Sweep(t.Context(), q, fastPace(q), nil)
	if err != nil || s.Doubt != "there is no bridge vmbr9 on this node" || s.Asked != 254 {
		t.Errorf("%+v, %v", s, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	q = network()
	pace := fastPace(q)
	pace.Rate = 100
	s, err = earOf(node).Sweep(ctx, q, pace, func(p probe.Progress) {
		if p.Found > 0 {
			cancel(errors.New("Ctrl-C"))
		}
	})
	if err == nil || !strings.HasSuffix(s.Doubt, "ended early: Ctrl-C") || len(s.Heard) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Several networks are asked side by side, and the silent are told too.
func TestSweepAll(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Stranger(lan, lab.Script{Addrs: []netip.Addr{tested}})
	q, lost := network(), network()
	q.Addrs = []netip.Addr{tested, addr("10.0.0.220"), addr("fd00::1")}
	lost.Segment.Bridge, lost.Addrs = "vmbr9", []netip.Addr{tested}
	got, err := earOf(node).SweepAll(t.Context(), []evidence.Inquiry{q, lost}, func(n int) probe.SweepPace { return probe.SweepPreset(n, true) })
	f.Must(err)
	var words []string
	for _, h := range got {
		words = append(words, fmt.Sprintf("%s %s %d %s", h.Segment, h.Addr, len(h.Voices), h.Doubt))
	}
	want := []string{"vmbr0 10.0.0.219 1 ", "vmbr0 10.0.0.220 0 ", "vmbr9 10.0.0.219 0 there is no bridge vmbr9 on this node"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Error(diff)
	}
}
