package ui

import (
	"fmt"
	"testing"
)

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
	m := &Meter{about: "10.0.0.1-10.0.0.254 on vmbr0"}
	at := m.began.Add(10_000_000_000)
	m.width = 80
	if got := m.line(Progress{Sent: 25, Planned: 100, Found: 7}, at); got != " 25 %  7 found  30s left  10.0.0.1-10.0.0.254 on vmbr0" {
		t.Errorf("got %q", got)
	}
	m.width = 20
	if got := m.line(Progress{Sent: 25, Planned: 100, Found: 7}, at); len(got) > 19 {
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
