package probe

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"

	"pve-iplease/internal/pve"
)

// The probe, byte for byte as RFC 5227 §2.1.1 and RFC 826 lay it out.
func TestProbeFrame(t *testing.T) {
	t.Parallel()
	b, err := probeFrame(bridgeMAC, first)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ffffffffffff" + "bc2411000001" + "0806" + // Ethernet
		"0001" + "0800" + "06" + "04" + "0001" + // ARP request for IPv4
		"bc2411000001" + "00000000" + // from us, without an address
		"000000000000" + "0a0000c9" // for 10.0.0.201
	if got := hex.EncodeToString(b[:42]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(b) != 60 {
		t.Errorf("%d bytes, want Ethernet's least of 60", len(b))
	}
}

func TestParseWord(t *testing.T) {
	t.Parallel()
	edit := func(at int, to ...byte) []byte {
		b := replyOf(alice, first)
		copy(b[at:], to)
		return b
	}
	tagged := func(id uint16) []byte {
		var f ethernet.Frame
		if err := f.UnmarshalBinary(replyOf(alice, first)); err != nil {
			t.Fatal(err)
		}
		f.VLAN = &ethernet.VLAN{ID: id}
		b, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := word{speaker: alice, source: alice, sender: first, target: nobody}
	for name, c := range map[string]struct {
		frame []byte
		want  word // zero: refused
	}{
		"reply":             {edit(0), good},
		"priority tag":      {tagged(0), good},
		"foreign VLAN":      {tagged(20), word{}},
		"no padding":        {edit(0)[:42], good},
		"cut short":         {edit(0)[:41], word{}},
		"IPv4":              {edit(12, 0x08, 0x00), word{}},
		"reverse ARP":       {edit(20, 0, 3), word{}},
		"token ring":        {edit(14, 0, 6), word{}},
		"another protocol":  {edit(16, 0x86, 0xdd), word{}},
		"long MAC":          {edit(18, 8), word{}},
		"short MAC":         {edit(18, 4), word{}},
		"IPv6 length":       {edit(19, 16), word{}},
		"no IP":             {edit(19, 0), word{}},
		"lengths that lie":  {edit(18, 0xff, 0xff), word{}},
		"empty":             {nil, word{}},
		"Ethernet only":     {edit(0)[:14], word{}},
		"different sources": {edit(6, bob[:]...), word{speaker: alice, source: bob, sender: first, target: nobody}},
	} {
		got, err := parseWord(c.frame)
		if (err == nil) != (c.want != word{}) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(word{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// FuzzParseWord: nothing that a stranger sends brings the decoder down, and
// what it accepts means the same when it is sent again.
func FuzzParseWord(f *testing.F) {
	f.Add(replyOf(alice, first))
	f.Add(frameOf(arp.OperationRequest, bob, nobody, first))
	f.Add(replyOf(alice, first)[:24])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWord(b)
		if err != nil {
			if w != (word{}) {
				t.Errorf("refused with %v, but read %+v", err, w)
			}
			return
		}
		if !w.sender.Is4() || !w.target.Is4() || w.speaker.IsZero() && !w.source.IsZero() {
			t.Errorf("accepted %+v", w)
		}
		op := arp.OperationReply
		if w.request {
			op = arp.OperationRequest
		}
		again, err := parseWord(frameOf(op, w.speaker, w.sender, w.target))
		again.source = w.source
		if err != nil || again != w {
			t.Errorf("%+v became %+v, %v", w, again, err)
		}
	})
}

// FuzzWindow: whatever comes in, every candidate gets a verdict, and only
// foreign MACs are named.
func FuzzWindow(f *testing.F) {
	f.Add(replyOf(alice, first), replyOf(guestMAC, first))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		w := newWindow(Question{Candidates: candidates, Own: []pve.MAC{guestMAC}, Pace: defaultPace()}, bridgeMAC)
		w.hear(a)
		w.hear(b)
		for i, answer := range w.answers("", nowhere) {
			if answer.Addr != candidates[i] || answer.Reason == "" || len(answer.MACs) != len(answer.Ports) {
				t.Errorf("answer %d: %+v", i, answer)
			}
			for _, m := range answer.MACs {
				if w.own[m] {
					t.Errorf("our own %s is named", m)
				}
			}
		}
	})
}
