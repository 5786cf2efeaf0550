package cli

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
)

// village is a pool of a /16 with a lease here and there.
func village(bits int) evidence.Plot {
	subnet := netip.PrefixFrom(netip.MustParseAddr("172.16.0.0"), bits)
	last := evidence.Offset(subnet.Addr(), 1<<(32-bits)-1)
	p := lease.Pool{Name: "lan", Bridge: "vmbr0", Subnet: subnet, Ranges: []lease.Range{{First: subnet.Addr(), Last: last}}}
	e := evidence.Estate{Pools: []lease.Pool{p}, Table: lease.NewTable(), Node: "pve1"}
	for i := uint64(0); i < 1<<(32-bits); i += 97 {
		l := lease.Lease{Key: lease.Key{Segment: p.Segment(), Addr: evidence.Offset(subnet.Addr(), i)}, Owner: lease.Owner{VMID: lease.VMID(100 + i)}}
		if i%5 == 0 {
			l.Owner, l.State = lease.Owner{}, lease.Conflicted
		}
		e.Table.Add(l)
	}
	return e.Plot(p, nil)
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

// A row that does not fit is continued below.
func TestLayout(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"ADDRESS", "NAME", "REMARK"}, {"10.0.0.1", "-", ""}, {"10.0.0.20", "a-long-name", "it is long, too"}}
	for width, want := range map[int]string{
		0:  "ADDRESS    NAME         REMARK\n10.0.0.1   -\n10.0.0.20  a-long-name  it is long, too\n",
		39: "ADDRESS    NAME         REMARK\n10.0.0.1   -\n10.0.0.20  a-long-name  it is long, too\n",
		30: "ADDRESS    NAME         REMARK\n10.0.0.1   -\n10.0.0.20  a-long-name\n    it is long, too\n",
		20: "ADDRESS    NAME\n    REMARK\n10.0.0.1   -\n10.0.0.20\n    a-long-name, it\n    is long, too\n",
	} {
		if got := layout(rows, width); got != want {
			t.Errorf("at width %d:\n%s\nwant\n%s", width, got, want)
		}
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	m := &meter{about: "10.0.0.1-10.0.0.254 on vmbr0"}
	at := m.began.Add(10_000_000_000)
	m.width = 80
	if got := m.line(probe.Progress{Sent: 25, Planned: 100, Found: 7}, at); got != " 25 %  7 found  30s left  10.0.0.1-10.0.0.254 on vmbr0" {
		t.Errorf("got %q", got)
	}
	m.width = 20
	if got := m.line(probe.Progress{Sent: 25, Planned: 100, Found: 7}, at); len(got) > 19 {
		t.Errorf("got %q", got)
	}
}

// BenchmarkLayout is the table of a large ledger.
func BenchmarkLayout(b *testing.B) {
	rows := make([][]string, 2000)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("10.0.%d.%d", i/250, i%250), fmt.Sprintf("ct/%d/net0", 100+i), "guest", "bound", "lan", "pve1", "2026-11-21 22:42", ""}
	}
	b.ReportAllocs()
	for b.Loop() {
		layout(rows, 0)
	}
}
