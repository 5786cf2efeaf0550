package evidence_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
)

type judgeCase struct {
	world func(world)
	heard []evidence.Hearing
	want  string // severity: sentence
	do    string // what can be done, in order
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]judgeCase{rightCases(), conflictCases(), strangerCases(), silentCases(), fixedCases()} {
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
		heard []evidence.Hearing
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
