package probe

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// What changes between the two looks at the bridge.
func TestLooks(t *testing.T) {
	t.Parallel()
	flapped, renumbered, learning := goodView(), goodView(), goodView()
	flapped.ports[0].flaps = 2
	renumbered.mac = alice
	learning.ports[0].state = stateLearning
	closed := view{bridge: "vmbr0", mac: bridgeMAC, up: true}
	for name, c := range map[string]struct {
		looks []view
		errs  []error
		doubt string
		close bool
	}{
		"nothing":             {looks: []view{goodView()}},
		"closed":              {looks: []view{closed}, close: true},
		"closed, then opened": {looks: []view{closed, goodView()}, doubt: "uplink eno1 has only just joined vmbr0"},
		"link lost":           {looks: []view{goodView(), flapped}, doubt: "uplink eno1 of vmbr0 lost its link for a moment"},
		"forwards too late":   {looks: []view{learning, goodView()}, doubt: "port eno1 of vmbr0 is still learning"},
		"stops to forward":    {looks: []view{goodView(), learning}, doubt: "port eno1 of vmbr0 is still learning"},
		"MAC changed within":  {looks: []view{goodView(), renumbered}, doubt: "vmbr0 changed its MAC from BC:24:11:00:00:01 to BC:24:11:00:00:0A"},
		"MAC changed before":  {looks: []view{renumbered}, doubt: "vmbr0 changed its MAC from BC:24:11:00:00:01 to BC:24:11:00:00:0A"},
		"blind at first":      {looks: []view{{}, goodView()}, errs: []error{unix.ENOMEM}, doubt: unix.ENOMEM.Error()},
		"blind at last":       {looks: []view{goodView(), {}}, errs: []error{nil, unix.ENOMEM}, doubt: unix.ENOMEM.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := fakePort(newWire(t))
				p.bridge = &fakeBridge{looks: c.looks, errs: c.errs}
				r, err := p.Ask(t.Context(), Question{Candidates: candidates[:1], Pace: defaultPace()})
				if err != nil {
					t.Fatal(err)
				}
				want := Result{
					Answers: []Answer{{Addr: first, Verdict: Free, Reason: "4 probes unanswered"}},
					Doubt:   c.doubt, Closed: c.close, Sent: 4,
				}
				if c.doubt != "" {
					want.Answers[0] = Answer{Addr: first, Verdict: Unknown, Reason: c.doubt}
				}
				if diff := cmp.Diff(want, r, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
