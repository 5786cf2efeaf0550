package lab_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
)

// A real kernel's view of the scripted hosts.
func TestStrangers(t *testing.T) {
	t.Parallel()
	at := []netip.Addr{netip.MustParseAddr("10.0.0.201")}
	for name, c := range map[string]struct {
		script  lab.Script
		answers bool
	}{
		"good":           {lab.Script{Addrs: at}, true},
		"for all":        {lab.Script{All: true}, true},
		"late":           {lab.Script{Addrs: at, Delay: 50 * time.Millisecond}, true},
		"by broadcast":   {lab.Script{Addrs: at, Broadcast: true}, true},
		"second request": {lab.Script{Addrs: at, Ignore: 1}, true},
		"lossy":          {lab.Script{Addrs: at, Loss: 0.5, Seed: 1}, true},
		"mute":           {lab.Script{Addrs: at, Mute: true}, false},
		"all lost":       {lab.Script{Addrs: at, Loss: 1}, false},
		"garbage":        {lab.Script{Addrs: at, Garbage: true}, false},
		"another VLAN":   {lab.Script{Addrs: at, VLAN: 20}, false},
		"announces":      {lab.Script{Addrs: at, Mute: true, Announce: 5 * time.Millisecond}, true}, // heard by the waiting kernel
		"another":        {lab.Script{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.202")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			host := f.Host(lan, "10.0.0.2/24")
			stranger := f.Stranger(lan, c.script)
			ctx := patience(t)
			if !c.answers {
				short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				ctx = short
			}
			got, err := host.Resolve(ctx, at[0])
			if c.answers && (err != nil || got != stranger.MAC) {
				t.Errorf("resolved to %s, want %s: %v", got, stranger.MAC, err)
			}
			if !c.answers && err == nil {
				t.Errorf("%s answers", got)
			}
		})
	}
}

func TestStrangerFallsSilent(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	host := f.Host(lan, "10.0.0.2/24")
	gw := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{gateway}})
	for _, step := range []struct {
		do      func()
		answers bool
	}{
		{func() {}, true},
		{func() { gw.SetMute(true) }, false},
		{func() { gw.SetMute(false) }, true},
		{gw.Leave, false},
	} {
		step.do()
		ctx, cancel := patience(t), context.CancelFunc(func() {})
		if !step.answers {
			ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		}
		_, err := host.Resolve(ctx, gateway)
		cancel()
		if (err == nil) != step.answers {
			t.Errorf("answered: %v, want %v", err, step.answers)
		}
	}
	if gw.Asked(gateway) < 2 { // once for each answer
		t.Errorf("asked %d times", gw.Asked(gateway))
	}
}

// Thousands of strangers on one LAN are cheap, and each has its own MAC.
func TestManyStrangers(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	host := f.Host(lan, "10.0.0.2/16")
	last := netip.MustParseAddr("10.0.16.0")
	var stranger *lab.Stranger
	for a := netip.MustParseAddr("10.0.1.0"); a != last; a = a.Next() {
		stranger = f.Stranger(lan, lab.Script{Addrs: []netip.Addr{a}})
	}
	got, err := host.Resolve(patience(t), last.Prev())
	f.Must(err)
	if got != stranger.MAC {
		t.Errorf("resolved to %s, want %s", got, stranger.MAC)
	}
}
