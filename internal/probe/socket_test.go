package probe

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"pve-iplease/internal/lab"
)

// wired is a node on a LAN, and a port that listens on its vmbr0.
func wired(t testing.TB) (lab.Fixture, *lab.LAN, *lab.Node, *Port) {
	t.Helper()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	var p *Port
	f.Must(node.Do(func() (err error) {
		p, err = Open(Place{Bridge: "vmbr0"}, []string{"eno1"})
		return err
	}))
	t.Cleanup(p.Close)
	return f, lan, node, p
}

// The kernel says when it had to drop answers, and an answer that has come is
// heard however late we look.
func TestSocketCountsDrops(t *testing.T) {
	t.Parallel()
	f, lan, _, p := wired(t)
	stranger := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{first}})
	_, err := p.listenTo(filterSpec{})
	f.Must(err)
	for lost := uint32(0); lost == 0; {
		stranger.Shout(1000)
		n, err := p.wire.lost()
		f.Must(err)
		lost += n
	}
	r, err := p.Ask(t.Context(), Question{Candidates: candidates[:2], Pace: defaultPace()})
	f.Must(err)
	if got := verdicts(r); got != "taken free" || r.Doubt != "" {
		t.Errorf("verdicts %s, doubt %q after the flood was over", got, r.Doubt)
	}
}

func TestSocketReadsPastItsDeadline(t *testing.T) {
	t.Parallel()
	f, lan, _, p := wired(t)
	_, err := p.listenTo(filterSpec{})
	f.Must(err)
	f.Stranger(lan, lab.Script{Addrs: []netip.Addr{first}, Mute: true}).Shout(1)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		frame, err := p.wire.receive(t.Context(), time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			time.Sleep(time.Millisecond) // it has not come yet
			continue
		}
		f.Must(err)
		if w, err := parseWord(frame); err == nil && w.sender.Is6() {
			continue // IPv6 of the lab's kernel
		} else if err != nil || w.sender != first {
			t.Errorf("got %+v, %v", w, err)
		}
		return
	}
	t.Error("what has come is not read")
}

func TestSocketWakesWithContext(t *testing.T) {
	t.Parallel()
	_, _, _, p := wired(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	for {
		_, err := p.wire.receive(ctx, time.Now().Add(time.Hour))
		if err == nil {
			continue // IPv6 of the lab's kernel
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return
	}
}
