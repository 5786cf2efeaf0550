package cli

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// village is a pool of a /16 with a lease here and there.
func village(bits int) evidence.Map {
	subnet := netip.PrefixFrom(netip.MustParseAddr("172.16.0.0"), bits)
	last := evidence.Offset(subnet.Addr(), 1<<(32-bits)-1)
	p := lease.Pool{Name: "lan", Bridge: "vmbr0", Subnet: subnet, Ranges: []pve.Range{{First: subnet.Addr(), Last: last}}}
	e := evidence.Snapshot{Pools: []lease.Pool{p}, Table: lease.NewTable(), Node: "pve1"}
	for i := uint64(0); i < 1<<(32-bits); i += 97 {
		l := lease.Lease{Key: lease.Key{Segment: p.Segment(), Addr: evidence.Offset(subnet.Addr(), i)}, Owner: pve.Owner{VMID: pve.VMID(100 + i)}}
		if i%5 == 0 {
			l.Owner, l.State = pve.Owner{}, lease.Conflicted
		}
		e.Table.Add(l)
	}
	return e.Map(p, nil)
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Whatever a pool's size and a terminal's width are, the picture fits on a
// screen or two, and says no other thing with colours than without.
func TestPictureFits(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{32, 30, 24, 20, 16} {
		plot := village(bits)
		for _, width := range []int{20, 40, 79, 80} {
			plain, colourful := canvas{width: width}, canvas{width: width, colours: true}
			got := plain.picture(plot) + plain.legend(plot)
			if n := strings.Count(got, "\n"); n > 90 {
				t.Errorf("/%d at width %d takes %d lines", bits, width, n)
			}
			for line := range strings.Lines(got) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > max(width, 28) {
					t.Errorf("/%d at width %d: a line has %d columns: %q", bits, width, n, line)
				}
			}
			inked := colourful.picture(plot) + colourful.legend(plot)
			if inked == got || escape.ReplaceAllString(inked, "") != got {
				t.Errorf("/%d at width %d: colours change the picture:\n%s\n%q", bits, width, got, inked)
			}
		}
	}
}
