package probe

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/arp"

	"pve-iplease/internal/pve"
)

// hearCase is what a few frames say about the first candidate.
type hearCase struct {
	frames [][]byte
	doubt  string
	want   Answer
}

func (c hearCase) run(t *testing.T) {
	t.Parallel()
	w := newWindow(Question{Candidates: candidates[:1], Own: []pve.MAC{guestMAC}, Pace: defaultPace()}, bridgeMAC)
	w.trail = trailOf(map[pve.MAC]string{alice: "eno1"}, c.frames...)
	for _, f := range c.frames {
		w.hear(f)
	}
	c.want.Addr = first
	got := w.answers(c.doubt, nowhere)
	if diff := cmp.Diff([]Answer{c.want}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

// by is an answer that names hosts, the port of each, and a reason.
func by(v Verdict, reason string, macs ...pve.MAC) Answer {
	a := Answer{Verdict: v, MACs: macs, Reason: reason}
	for _, m := range macs {
		a.Ports = append(a.Ports, map[pve.MAC]string{alice: "eno1"}[m])
	}
	return a
}

func TestHearUse(t *testing.T) {
	t.Parallel()
	const request, reply = arp.OperationRequest, arp.OperationReply
	anonymous := frameOf(reply, pve.MAC{}, first, nobody)
	copy(anonymous[6:12], alice[:])
	other := netip.MustParseAddr("10.0.0.9")
	const aliceAnswers = "BC:24:11:00:00:0A answers on port eno1"
	for name, c := range map[string]hearCase{
		"reply":                   {[][]byte{replyOf(alice, first)}, "no link", by(Taken, aliceAnswers, alice)},
		"request by its owner":    {[][]byte{frameOf(request, bob, first, other)}, "", by(Taken, "BC:24:11:00:00:0B uses it", bob)},
		"announcement by request": {[][]byte{frameOf(request, bob, first, first)}, "", by(Taken, "BC:24:11:00:00:0B announces it", bob)},
		"announcement by reply":   {[][]byte{frameOf(reply, bob, first, first)}, "", by(Taken, "BC:24:11:00:00:0B announces it", bob)},
		"foreign probe": {
			[][]byte{frameOf(request, bob, nobody, first)},
			"no link",
			by(Contended, "BC:24:11:00:00:0B probes for it too", bob),
		},
		"probe, then reply": {
			[][]byte{frameOf(request, bob, nobody, first), replyOf(alice, first)},
			"",
			by(Taken, aliceAnswers, alice),
		},
		"two users, one twice": {
			[][]byte{replyOf(alice, first), replyOf(bob, first), replyOf(alice, first)},
			"",
			by(Taken, aliceAnswers+" (and 1 more)", alice, bob),
		},
		"user that hides its MAC": {[][]byte{anonymous}, "", by(Taken, aliceAnswers, alice)},
	} {
		t.Run(name, c.run)
	}
}

func TestHearNothing(t *testing.T) {
	t.Parallel()
	const request, reply = arp.OperationRequest, arp.OperationReply
	other := netip.MustParseAddr("10.0.0.9")
	for name, frames := range map[string][][]byte{
		"silence":                 nil,
		"our own probe, mirrored": {frameOf(request, bridgeMAC, nobody, first)},
		"our own guest's probe":   {frameOf(request, guestMAC, nobody, first)},
		"reply for another":       {replyOf(alice, other)},
		"question for it":         {frameOf(request, alice, other, first)},
		"reply from nobody":       {frameOf(reply, alice, nobody, first)},
		"noise":                   {nil, {1, 2, 3}, make([]byte, 60)},
	} {
		t.Run(name, hearCase{frames, "", by(Free, "4 probes unanswered")}.run)
		t.Run(name+", blindly", hearCase{frames, "no link", by(Unknown, "no link")}.run)
	}
}

// A flood of invented senders costs no more memory than a few.
func TestVoicesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWindow(Question{Candidates: candidates, Pace: defaultPace()}, bridgeMAC)
	for i := range 1000 {
		w.hear(replyOf(pve.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}, first))
	}
	if got := len(w.users[first]); got != maxVoices {
		t.Errorf("%d voices kept, want %d", got, maxVoices)
	}
}

// A flood of invented senders by one port takes no place from who speaks by
// another, and ends no window in which others are yet to be heard.
func TestFloodTakesNoPlace(t *testing.T) {
	t.Parallel()
	w := newWindow(Question{Candidates: candidates[:2], Pace: defaultPace()}, bridgeMAC)
	ports, frames := map[pve.MAC]string{alice: "eno1"}, [][]byte(nil)
	for i := range 2 * maxVoices {
		m := pve.MAC{0x02, 0, 0, 0, 1, byte(i)}
		ports[m] = "veth666i0"
		frames = append(frames, replyOf(m, candidates[0]), replyOf(m, candidates[1]))
	}
	frames = append(frames, replyOf(alice, candidates[0]))
	w.trail = trailOf(ports, frames...)
	for _, f := range frames[:len(frames)-1] {
		w.hear(f)
	}
	if w.over() || w.needless(candidates[0]) || w.needless(candidates[1]) {
		t.Error("one guest's port that claims everything ends the window")
	}
	w.hear(frames[len(frames)-1])
	got := w.answers("", nowhere)[0]
	if i := slices.Index(got.Ports, "eno1"); i < 0 || got.MACs[i] != alice || len(got.MACs) != maxVoices+1 {
		t.Errorf("%d voices, by %q", len(got.MACs), got.Ports)
	}
}
