package probe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/arp"

	"pve-iplease/internal/lease"
)

// What one frame, or a few, say about the first candidate.
func TestHear(t *testing.T) {
	t.Parallel()
	const (
		request = arp.OperationRequest
		reply   = arp.OperationReply
	)
	noSender := lease.MAC{}
	anonymous := frameOf(reply, noSender, first, nobody)
	copy(anonymous[6:12], alice[:])
	other := netip.MustParseAddr("10.0.0.9")
	for name, c := range map[string]struct {
		frames [][]byte
		doubt  string
		want   Answer
	}{
		"nothing":          {nil, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"nothing, blindly": {nil, "no link", Answer{Verdict: Unknown, Reason: "no link"}},
		"a reply": {
			[][]byte{replyOf(alice, first)}, "no link",
			Answer{Verdict: Taken, MACs: []lease.MAC{alice}, Ports: []string{"eno1"}, Reason: "BC:24:11:00:00:0A answers on port eno1"},
		},
		"a request by its owner": {
			[][]byte{frameOf(request, bob, first, other)}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{bob}, Ports: []string{""}, Reason: "BC:24:11:00:00:0B uses it"},
		},
		"an announcement by request": {
			[][]byte{frameOf(request, bob, first, first)}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{bob}, Ports: []string{""}, Reason: "BC:24:11:00:00:0B announces it"},
		},
		"an announcement by reply": {
			[][]byte{frameOf(reply, bob, first, first)}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{bob}, Ports: []string{""}, Reason: "BC:24:11:00:00:0B announces it"},
		},
		"a foreign probe": {
			[][]byte{frameOf(request, bob, nobody, first)}, "no link",
			Answer{Verdict: Contended, MACs: []lease.MAC{bob}, Ports: []string{""}, Reason: "BC:24:11:00:00:0B probes for it too"},
		},
		"a probe, then a reply": {
			[][]byte{frameOf(request, bob, nobody, first), replyOf(alice, first)}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{alice}, Ports: []string{"eno1"}, Reason: "BC:24:11:00:00:0A answers on port eno1"},
		},
		"two users, one twice": {
			[][]byte{replyOf(alice, first), replyOf(bob, first), replyOf(alice, first)}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{alice, bob}, Ports: []string{"eno1", ""}, Reason: "BC:24:11:00:00:0A answers on port eno1 (and 1 more)"},
		},
		"a user that hides its MAC": {
			[][]byte{anonymous}, "",
			Answer{Verdict: Taken, MACs: []lease.MAC{alice}, Ports: []string{"eno1"}, Reason: "BC:24:11:00:00:0A answers on port eno1"},
		},
		"our own probe, mirrored": {[][]byte{frameOf(request, bridgeMAC, nobody, first)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"our own guest":           {[][]byte{replyOf(guestMAC, first)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"a reply for another":     {[][]byte{replyOf(alice, other)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"a question for it":       {[][]byte{frameOf(request, alice, other, first)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"a reply to nobody":       {[][]byte{frameOf(reply, alice, nobody, first)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
		"noise":                   {[][]byte{nil, {1, 2, 3}, make([]byte, 60)}, "", Answer{Verdict: Free, Reason: "4 probes unanswered"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(Question{Candidates: candidates[:1], Own: []lease.MAC{guestMAC}, Pace: defaultPace()}, bridgeMAC)
			for _, f := range c.frames {
				w.hear(f)
			}
			c.want.Addr = first
			got := w.answers(c.doubt, func(m lease.MAC) string {
				if m == alice {
					return "eno1"
				}
				return ""
			})
			if diff := cmp.Diff([]Answer{c.want}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A flood of invented senders costs no more memory than a few.
func TestVoicesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWindow(Question{Candidates: candidates, Pace: defaultPace()}, bridgeMAC)
	for i := range 1000 {
		w.hear(replyOf(lease.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, first))
	}
	if got := len(w.users[first]); got != maxVoices {
		t.Errorf("%d voices kept, want %d", got, maxVoices)
	}
}

func TestLiar(t *testing.T) {
	t.Parallel()
	taken := func(macs ...lease.MAC) Answer {
		return Answer{Verdict: Taken, MACs: macs, Ports: make([]string, len(macs))}
	}
	contended := taken(alice)
	contended.Verdict = Contended
	for name, c := range map[string]struct {
		answers []Answer
		want    bool
	}{
		"nobody":               {nil, false},
		"two addresses":        {[]Answer{taken(alice), taken(alice)}, false},
		"three":                {[]Answer{taken(alice), taken(alice), taken(alice)}, true},
		"three by two":         {[]Answer{taken(alice), taken(bob), taken(alice)}, false},
		"three beside another": {[]Answer{taken(bob, alice), taken(alice), taken(alice, bob)}, true},
		"three wanted":         {[]Answer{contended, contended, contended}, false},
	} {
		mac, _, found := Result{Answers: c.answers}.Liar()
		if found != c.want || found && mac != alice {
			t.Errorf("%s: %v %s, want %v", name, found, mac, c.want)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	a, b := candidates[0], candidates[1]
	for name, c := range map[string]struct {
		question Question
		off      time.Duration
		want     []sending
	}{
		"gateway twice": {
			Question{Candidates: []netip.Addr{a, b}, Gateway: gatewayIP, Pace: defaultPace()}, 0,
			[]sending{
				{0, gatewayIP}, {0, a}, {0, b}, {ms(100), a}, {0, b},
				{ms(100), gatewayIP}, {0, a}, {0, b}, {ms(100), a}, {0, b},
			},
		},
		"off beat": {
			Question{Candidates: []netip.Addr{a}, Pace: defaultPace()}, ms(-20),
			[]sending{{0, a}, {ms(80), a}, {ms(80), a}, {ms(80), a}},
		},
		"gateway alone": {
			Question{Gateway: gatewayIP, Pace: defaultPace()}, 0,
			[]sending{{0, gatewayIP}, {ms(200), gatewayIP}},
		},
		"one probe": {
			Question{Candidates: []netip.Addr{a}, Gateway: gatewayIP, Pace: Pace{Probes: 1, Wait: ms(1)}}, 0,
			[]sending{{0, gatewayIP}, {0, a}},
		},
	} {
		got := plan(c.question, func(time.Duration) time.Duration { return c.off })
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(sending{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "default", "fast", "careful", "rfc5227"} {
		p, ok := Preset(name)
		if err := (Question{Pace: p}).check(); !ok || err != nil {
			t.Errorf("preset %q: %v %v", name, ok, err)
		}
	}
	if _, ok := Preset("hasty"); ok {
		t.Error("an unknown preset is known")
	}
	if got := defaultPace().Window(); got != 500*time.Millisecond {
		t.Errorf("the default window is %s", got)
	}
}

func TestDeviateStaysInBounds(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if d := deviate(20 * time.Millisecond); d < -20*time.Millisecond || d > 20*time.Millisecond {
			t.Fatalf("off by %s", d)
		}
	}
	if d := deviate(0); d != 0 {
		t.Errorf("no jitter, but off by %s", d)
	}
}
