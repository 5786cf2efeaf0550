package hook_test

import (
	"net"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// runs makes a container look as if it ran: its command socket is there.
func (h *host) runs(id pve.VMID) (stop func()) {
	h.t.Helper()
	var l net.Listener
	h.Must(h.node.Do(func() (err error) {
		l, err = net.Listen("unix", "@/var/lib/lxc/"+id.String()+"/command")
		return err
	}))
	h.t.Cleanup(func() { _ = l.Close() })
	return func() { h.Must(l.Close()) }
}

func TestRunningGuestIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.77/24"})
	h.start(101).exits(hook.OK)
	stop := h.runs(101)
	h.runs(102)
	h.start(102).exits(hook.OK).says("CT 102 is running already: nothing to do")
	before := h.everything()
	h.start(101).exits(hook.OK).says("CT 101 is running already: nothing to do")
	h.phase(101, "post-stop").exits(hook.OK).says("CT 101 is not stopped: its lease stays bound")
	if diff := gocmp.Diff(before, h.everything()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
	stop()
	h.phase(101, "post-stop").exits(hook.OK).says("CT 101 stopped: 10.0.0.200 is kept for it")
	h.records("10.0.0.200 ct/101/net0 released pool")
}

func TestPostStopByHandWhileSomebodyStartsTheGuest(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	t.Cleanup(h.lock("101"))
	h.phase(101, "post-stop").exits(hook.OK).says("CT 101 is being worked on: its lease stays bound")
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestPostStopOfAGuestWithoutALease(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.phase(101, "post-stop").exits(hook.OK).says("CT 101 has no bound lease: nothing to do")
	h.records()
}

// A lease that this node didn't claim on this boot is not this stop's to
// release.
func TestPostStopLeavesOtherClaimsBound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*lease.Lease)
		says   string
	}{
		"another node": {func(l *lease.Lease) { l.Claim.Node = "pve2" }, "it was claimed by node pve2"},
		"another boot": {func(l *lease.Lease) { l.Claim.Boot = "01234567" }, "it was claimed before this node's last boot"},
		"a later run":  {func(l *lease.Lease) { l.Claim.Up += hour }, "it was claimed for a later start of the guest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.rewrite(func(l *lease.Lease) bool { c.change(l); return true })
			h.phase(101, "post-stop").exits(hook.OK).says("CT 101 keeps 10.0.0.200 bound: " + c.says)
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}
