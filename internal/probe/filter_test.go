package probe

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"pve-iplease/internal/lab"
)

// While a question is open a process is woken by what is about its addresses
// alone, and afterwards by all again.
func TestFilterKeepsOthersBack(t *testing.T) {
	t.Parallel()
	other, gateway := netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("10.0.0.1")
	f, lan, _, p := wired(t)
	say := func(a netip.Addr) *lab.Stranger {
		return f.Stranger(lan, lab.Script{Addrs: []netip.Addr{a}, Mute: true})
	}
	stranger, candidate, router := say(other), say(first), say(gateway)
	want := func(when string, want ...netip.Addr) {
		t.Helper()
		stranger.Shout(3)
		candidate.Shout(1) // comes last: what was let through of the others is there by then
		router.Shout(1)
		heard := map[netip.Addr]bool{}
		for ctx, end := t.Context(), time.Now().Add(10*time.Second); !heard[gateway]; {
			frame, err := p.wire.receive(ctx, end)
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.Canceled) {
				t.Fatalf("%s: the gateway was not heard", when)
			}
			f.Must(err)
			if w, err := parseWord(frame); err == nil && w.sender.Is4() {
				heard[w.sender] = true
			}
		}
		for _, a := range []netip.Addr{other, first, gateway} {
			if heard[a] != slices.Contains(want, a) {
				t.Errorf("%s: %s heard: %v", when, a, heard[a])
			}
		}
	}
	want("before", other, first, gateway)
	done := p.attendTo(Question{Candidates: []netip.Addr{first, netip.MustParseAddr("fd00::5")}, Gateways: []Gateway{{Addr: gateway}}})
	want("meanwhile", first, gateway)
	done()
	want("afterwards", other, first, gateway)
}

// A question about more addresses than a filter can name is heard whole.
func TestFilterOfManyAddresses(t *testing.T) {
	t.Parallel()
	var many []netip.Addr
	for a := first; len(many) <= maxAbout; a = a.Next() {
		many = append(many, a)
		prog, err := filter(20, many...)
		if err != nil {
			t.Fatalf("%d addresses: %v", len(many), err)
		}
		if all, _ := filter(20); (len(prog) == len(all)) != (len(many) > maxAbout) {
			t.Errorf("%d addresses: %d instructions", len(many), len(prog))
		}
	}
}
