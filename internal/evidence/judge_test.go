package evidence_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

type judgeCase struct {
	world func(world)
	heard []evidence.ProbeResult
	want  string // severity: sentence
	do    string // what can be done, in order
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]judgeCase{rightCases(), conflictCases(), strangerCases(), silentCases(), fixedCases(), unreadCases()} {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				if c.world != nil {
					c.world(w)
				}
				v := evidence.Judge(w.About(tested, c.heard, nil))
				var do []string
				for _, s := range v.Do {
					do = append(do, s.What)
				}
				if diff := cmp.Diff(c.want, v.Severity.String()+": "+v.Text); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if diff := cmp.Diff(c.do, strings.Join(do, " ")); diff != "" {
					t.Errorf("remedies (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestLeaveIt: an address is left to whoever has it by one command.
func TestLeaveIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		world func(world)
		heard []evidence.ProbeResult
		want  string
	}{
		{"a stranger", func(world) {}, heard(voice(printerMAC, "eno1")), "or leave it to that host: 'pve-iplease reserve 10.0.0.219'"},
		{"a guest", func(w world) { w.named(vm(200), lease.Running, "pve1") }, heard(voice(tvMAC, "tap200i0")), "or leave it to VM 200: 'pve-iplease reserve 10.0.0.219 --guest vm/200/net0'"},
		{
			"in place of a guest for which it is reserved", func(w world) { w.Reservations = []lease.Reservation{{Addr: tested, Owner: ct(101)}} },
			heard(voice(printerMAC, "eno1")), "or leave it to that host: 'pve-iplease unreserve 10.0.0.219', then 'pve-iplease reserve 10.0.0.219'",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			c.world(w)
			for _, s := range evidence.Judge(w.About(tested, c.heard, nil)).Do {
				if s.What == "reserve" {
					if s.How != c.want || s.Lines != nil {
						t.Errorf("%s %v\nwant %s", s.How, s.Lines, c.want)
					}
					return
				}
			}
			t.Error("it is not offered")
		})
	}
}

// TestPoolOfBridge: which pool an address is in is told by the network where it
// is in use, not by the first subnet that has it.
func TestPoolOfBridge(t *testing.T) {
	t.Parallel()
	other := pve.NewSegment("vmbr1", 0)
	onOther := func(l *lease.Lease) { l.Segment = other }
	labPool := func(w world) lease.Pool {
		p := w.Pools[0]
		p.Name, p.Bridge, p.Ranges = "lab", "vmbr1", []pve.Range{{First: addr("10.0.0.210"), Last: addr("10.0.0.219")}}
		return p
	}
	for name, c := range map[string]struct {
		world func(w *world)
		heard []evidence.ProbeResult
		pool  string
		text  string
	}{
		"a lease on the other bridge": {
			func(w *world) { w.Pools = append(w.Pools, labPool(*w)); w.leased(ct(101), lease.Bound, onOther) }, nil,
			"lab", "10.0.0.219 is leased to CT 101 (web) on pve1",
		},
		"a config on a bridge without a pool": {
			func(w *world) {
				w.Inventory.Uses[tested] = []lease.Use{{Addr: tested, Owner: ct(101), Segment: pve.NewSegment("vmbr1", 0, "pve1")}}
			},
			[]evidence.ProbeResult{{Segment: other, Addr: tested, Voices: []evidence.Responder{voice(webMAC, "veth101i0")}}},
			"", "10.0.0.219 is used by CT 101 (web) on pve1, net0, as its config says",
		},
		"a stranger on a bridge without a pool": {
			func(*world) {},
			[]evidence.ProbeResult{{Segment: lan, Addr: tested}, {Segment: other, Addr: tested, Voices: []evidence.Responder{voice(printerMAC, "eno2")}}},
			"", "10.0.0.219 is used by 00:11:22:33:44:55 on eno2: no guest of this cluster",
		},
		"a stranger beside a lease of another bridge": {
			func(w *world) { w.Pools = append(w.Pools, labPool(*w)); w.leased(ct(101), lease.Released, onOther) },
			heard(voice(printerMAC, "eno1")),
			"lab", "10.0.0.219 is used by 00:11:22:33:44:55 on eno1: no guest of this cluster; it is in the range of pool lan, which will avoid it",
		},
		"nobody anywhere": {func(w *world) { w.Pools = append([]lease.Pool{labPool(*w)}, w.Pools...) }, heard(), "lan", "10.0.0.219 is free: nobody answers, and nothing names it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			c.world(&w)
			d := w.About(tested, c.heard, nil)
			got := ""
			if d.Pool != nil {
				got = d.Pool.Name
			}
			if v := evidence.Judge(d); got != c.pool || v.Text != c.text {
				t.Errorf("pool %q, want %q; it says\n%s\nwant\n%s", got, c.pool, v.Text, c.text)
			}
		})
	}
}
