package evidence_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestMark says how one address stands on a map.
func TestMark(t *testing.T) {
	t.Parallel()
	outside := func(w world) {
		w.Pools[0].Ranges = []pve.Range{{First: addr("10.0.0.230"), Last: addr("10.0.0.239")}}
	}
	answers := heard(voice(printerMAC, "eno1"))
	for name, c := range map[string]struct {
		world func(world)
		heard []evidence.ProbeResult
		want  string
	}{
		"nobody":               {want: "free"},
		"nobody, outside":      {world: outside, want: "outside"},
		"bound":                {world: func(w world) { w.leased(ct(101), lease.Bound) }, want: "bound CT 101 web BC:24:11:00:01:01"},
		"bound, and answers":   {world: func(w world) { w.leased(ct(101), lease.Bound) }, heard: heard(voice(webMAC, "veth101i0")), want: "bound CT 101 web BC:24:11:00:01:01"},
		"released":             {world: func(w world) { w.leased(ct(101), lease.Released) }, want: "released CT 101 web BC:24:11:00:01:01"},
		"offered":              {world: func(w world) { w.leased(ct(101), lease.Offered, until(1)) }, want: "offered CT 101 web BC:24:11:00:01:01"},
		"offered in the past":  {world: func(w world) { w.leased(ct(101), lease.Offered, until(-1)) }, want: "free"},
		"static by the ledger": {world: func(w world) { w.leased(ct(101), lease.Bound, origin(lease.Static)) }, want: "static CT 101 web BC:24:11:00:01:01"},
		"static by a config":   {world: func(w world) { w.named(ct(102), lease.Running, "pve1") }, want: "static CT 102 db "},
		"only in a snapshot":   {world: func(w world) { w.named(ct(102), lease.Snapshot, "pve1") }, want: "free"},
		"reserved":             {world: reserved(ct(102)), want: "reserved CT 102 db "},
		"reserved for nobody":  {world: reserved(pve.Owner{}), want: "reserved   "},
		"the gateway":          {world: func(w world) { w.Pools[0].Gateway.Addr = tested }, want: "infrastructure   "},
		"stranger":             {heard: answers, want: "stranger   " + printerMAC.String()},
		"stranger, outside":    {world: outside, heard: answers, want: "other host   " + printerMAC.String()},
		"seen before":          {world: func(w world) { w.leased(pve.Owner{}, lease.Conflicted) }, want: "stranger   BC:24:11:00:01:01"},
		"client of a server":   {world: func(w world) { w.served(dhcp.Lease{Addr: tested, MAC: printerMAC, Name: "printer"}) }, want: "stranger   "},
		"leased, but another": {
			world: func(w world) { w.leased(ct(101), lease.Bound) }, heard: heard(voice(webMAC, "veth101i0"), voice(printerMAC, "eno1")),
			want: "conflict   " + printerMAC.String(),
		},
		"on another bridge": {world: func(w world) { w.leased(ct(101), lease.Bound, func(l *lease.Lease) { l.Segment.Bridge = "vmbr9" }) }, want: "free"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			if c.world != nil {
				c.world(w)
			}
			p := w.Map(w.Pools[0], c.heard)
			got := p.Mark(tested).String()
			if s, ok := p.Cell(tested); ok {
				got = fmt.Sprintf("%s %s %s %s", got, s.Guest, s.Name, s.MAC)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func until(hours int) func(*lease.Lease) {
	return func(l *lease.Lease) { l.Until = now.Add(time.Duration(hours) * time.Hour) }
}

func reserved(o pve.Owner) func(world) {
	return func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Owner: o}} }
}

func origin(o lease.Origin) func(*lease.Lease) { return func(l *lease.Lease) { l.Origin = o } }

// TestBlocks cuts pictures of any size into few rows.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subnet, ranges string
		cells, most    int
		want           string
	}{
		"a /24":         {"10.0.0.0/24", "10.0.0.100-10.0.0.120", 64, 40, "10.0.0.0 0 64 x1 1; 10.0.0.64 0 64 x1 1; 10.0.0.128 0 64 x1 2"},
		"a /30":         {"10.0.0.4/30", "10.0.0.5-10.0.0.6", 64, 40, "10.0.0.0 4 4 x1 1"},
		"a /32":         {"10.0.0.4/32", "10.0.0.4-10.0.0.4", 8, 40, "10.0.0.0 4 1 x1 1"},
		"a free /16":    {"10.0.0.0/16", "10.0.0.0-10.0.255.255", 64, 40, "10.0.0.0 0 64 x1 1024"},
		"a /8":          {"10.0.0.0/8", "10.1.0.250-10.1.1.5", 64, 40, "10.1.0.192 58 6 x1 1; 10.1.1.0 0 6 x1 1"},
		"the very end":  {"255.255.255.0/24", "255.255.255.250-255.255.255.255", 64, 40, "255.255.255.0 0 64 x1 3; 255.255.255.192 0 64 x1 1"},
		"too large":     {"10.0.0.0/8", "10.0.0.0-10.255.255.255", 64, 40, ""},
		"IPv6":          {"fd00::/64", "fd00::ff-fd00::101", 64, 40, "fd00::c0 63 1 x1 1; fd00::100 0 2 x1 1"},
		"narrow":        {"10.0.0.0/24", "10.0.0.1-10.0.0.254", 8, 4, "10.0.0.0 0 8 x1 1; 10.0.0.8 0 8 x1 30; 10.0.0.248 0 8 x1 1"},
		"many, aligned": {"10.0.0.0/16", "10.0.3.0-10.0.3.9, 10.0.90.0-10.0.90.9", 64, 4, "10.0.0.0 0 64 x16 1; 10.0.4.0 0 64 x16 21; 10.0.88.0 0 64 x16 1; 10.0.92.0 0 64 x16 41"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.Pools[0].Gateway.Addr = netip.Addr{}
			w.Pools[0].Subnet, w.Pools[0].Ranges = netip.MustParsePrefix(c.subnet), nil
			for r := range strings.SplitSeq(c.ranges, ", ") {
				first, last, _ := strings.Cut(r, "-")
				w.Pools[0].Ranges = append(w.Pools[0].Ranges, pve.Range{First: addr(first), Last: addr(last)})
			}
			var got []string
			for _, b := range w.Map(w.Pools[0], nil).Blocks(c.cells, c.most) {
				got = append(got, fmt.Sprintf("%s %d %d x%d %d", b.First, b.Lead, len(b.Cells), b.Each, b.Same))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
