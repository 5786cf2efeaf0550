package probe_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// After a guest with another MAC has taken over an address, a neighbour that
// still has the old one in its cache would talk to nobody; the announcement
// corrects it, for both families.
func TestAnnounceCorrectsCaches(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	neighbour := f.Host(lan, "10.0.0.2/24", "2001:db8::2/64")
	node, _ := f.Node("pve1", lan)
	guest := f.Guest(node, "vmbr0", 101, "10.0.0.201/24")
	f.Must(guest.AddAddr("eth0", netip.PrefixFrom(sixTested, 64)))
	old := lab.RandomMAC()
	for _, a := range []netip.Addr{tested, sixTested} {
		f.Must(neighbour.Believe(a, old))
	}
	inside := exec.Command("sleep", "600")
	f.Must(guest.Start(inside))
	defer inside.Wait() //nolint:errcheck // killed
	defer inside.Process.Kill()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.Must(probe.Announce(ctx, probe.Guest{PID: inside.Process.Pid, Device: "eth0"}, []netip.Addr{tested, sixTested}))
	for _, a := range []netip.Addr{tested, sixTested} {
		for {
			got, err := neighbour.Cached(a)
			f.Must(err)
			if got == guest.MAC {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%s is still thought to be at %s, and is at %s", a, got, guest.MAC)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// What can't be announced is an error, in time.
func TestAnnounceFails(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	for want, g := range map[string]probe.Guest{
		"announcing on eth7: ": {PID: os.Getpid(), Device: "eth7"},
		"announcing on eth0: ": {PID: 1 << 30, Device: "eth0"},
	} {
		err := probe.Announce(t.Context(), g, []netip.Addr{tested})
		if err == nil || err.Error()[:len(want)] != want {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := probe.Announce(ctx, probe.Guest{PID: os.Getpid(), Device: "lo"}, []netip.Addr{tested}); err == nil {
		t.Error("no error after the end of ctx")
	}
}
