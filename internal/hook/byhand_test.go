package hook_test

import (
	"net"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
)

// A dry run changes no byte on any disk, and sends its probes all the same.
func TestDryRun(t *testing.T) {
	t.Parallel()
	started := func(h *host) { h.start(101).exits(hook.OK) }
	for name, c := range map[string]struct {
		before func(h *host)
		code   int
		asks   string
		says   string
	}{
		"before there is a ledger": {func(*host) {}, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24 via 10.0.0.1 from pool lan"},
		"renewal":                  {started, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24 via 10.0.0.1 from pool lan (its lease since"},
		"conflict":                 {func(h *host) { started(h); h.stranger("10.0.0.200") }, hook.OK, "10.0.0.201", "dry run: CT 101 net0 would get 10.0.0.201/24"},
		"clone":                    {func(h *host) { started(h); h.put(ct{id: 102, ip: "10.0.0.200/24"}) }, hook.OK, "10.0.0.200", "dry run: CT 101 net0 would get 10.0.0.200/24"},
		"refusal": {func(h *host) {
			h.put(ct{id: 101, ip: "10.0.0.50/24"})
			h.stranger("10.0.0.50")
		}, hook.Conflict, "10.0.0.50", "error: 10.0.0.50 of CT 101 is static"},
		"unproven": {func(h *host) {
			started(h)
			h.settings(hasty)
			h.Must(h.cable.Pull())
		}, hook.OK, "", "dry run: CT 101 net0 would get 10.0.0.200/24"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired)
			ear := h.ear("10.0.0.200", "10.0.0.201", "10.0.0.50")
			h.gateway()
			h.put(ct{id: 101, ip: "manual"})
			c.before(h)
			asked := 0
			if c.asks != "" {
				asked = ear.Asked(addr(c.asks))
			}
			before := h.everything()
			h.start(101, "--dry-run").exits(c.code).says(c.says)
			if diff := gocmp.Diff(before, h.everything()); diff != "" {
				t.Errorf("a dry run changed (-before +after):\n%s", diff)
			}
			if c.asks != "" && ear.Asked(addr(c.asks)) == asked {
				t.Errorf("%s was not asked for", c.asks)
			}
		})
	}
}

func TestExplainSaysWhyEachAddressWasPassedOver(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\texclude 10.0.0.202\n\nreservation: 10.0.0.204\n\tguest 120\n\nreservation: 10.0.0.205\n")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.201/24"}, ct{id: 103, ip: "manual"})
	h.vm(200, "ipconfig0: ip=10.0.0.203/24")
	h.start(101).exits(hook.OK).omits("passed over")
	h.phase(101, "post-stop").exits(hook.OK)
	h.start(103, "--explain").exits(hook.OK).
		says("10.0.0.206: new lease: lowest free address").
		says("10.0.0.200 was passed over: it is kept for CT 101, stopped since").
		says("10.0.0.201 was passed over: it is named by the config of CT 102 on pve1").
		says("10.0.0.203 was passed over: it is named by the config of VM 200 on pve1").
		says("10.0.0.204 was passed over: it is reserved for CT 120").
		says("10.0.0.205 was passed over: it is reserved").
		omits("10.0.0.202", "10.0.0.207")
	h.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.206 ct/103/net0 bound pool")
}

func TestWrongArgumentsShowTheUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no phase":        {[]string{"101"}, "a hook call is a VMID and a phase"},
		"too many words":  {[]string{"101", "pre-start", "now"}, "a hook call is a VMID and a phase"},
		"a flag as phase": {[]string{"101", "--dry-run"}, "a hook call is a VMID and a phase"},
		"VMID too small":  {[]string{"99", "pre-start"}, `"99" is not a VMID`},
		"VMID with zero":  {[]string{"0101", "pre-start"}, `"0101" is not a VMID`},
		"VMID too large":  {[]string{"1000000000", "pre-start"}, "is not a VMID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			before := h.everything()
			h.launch(h.command(program, append([]string{"--root", h.root}, c.args...)...)).end().
				exits(hook.Usage).says("pve-iplease: error: ", c.says).says("usage: pve-iplease [--root DIR]")
			if diff := gocmp.Diff(before, h.everything()); diff != "" {
				t.Errorf("changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestPhasesThatAreNoneOfOurBusiness(t *testing.T) {
	t.Parallel()
	for phase, says := range map[string]string{
		"post-start":            "",
		"pre-stop":              "",
		"pre-migrate":           "phase pre-migrate is unknown to this version: nothing to do",
		"x\x1b[31m\u202ey\nzzz": "phase x\ufffd[31m\ufffdy zzz is unknown",
	} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"})
			before := h.everything()
			res := h.phase(101, phase).exits(hook.OK)
			if says == "" && res.log != "" {
				t.Errorf("said: %s", res.log)
			}
			res.says0(says)
			if diff := gocmp.Diff(before, h.everything()); diff != "" {
				t.Errorf("changed (-before +after):\n%s", diff)
			}
		})
	}
}

// says0 is says for a table in which some say nothing.
func (r result) says0(part string) {
	r.t.Helper()
	if part != "" {
		r.says(part)
	}
}

func TestVMIsNotLeasedFor(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.vm(200, "ipconfig0: ip=dhcp")
	h.phase(200, "pre-start").exits(hook.OK).says("VM 200: addresses of virtual machines are not leased by this version")
	h.records()
}

func TestGuestThatDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.phase(101, "pre-start").exits(hook.Failed).says("error: CT 101: no such guest on this node")
	h.phase(101, "post-stop").exits(hook.OK).omits("error", "warning")
	h.records()
}

// runs makes a container look as if it ran: its command socket is there.
func (h *host) runs(id lease.VMID) (stop func()) {
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

func TestForeignStringsAreCleaned(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	s := h.script(lab.Script{MAC: macOf(105)}, "10.0.0.200")
	evil := strings.Replace(ct{id: 105, ip: "manual"}.String(), "hostname: ct105", "hostname: a\x1b]0;b\u202ec", 1)
	h.write(h.confPath(105), evil)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by "+s.MAC.String()+" (CT 105 a\ufffd]0;b\ufffdc on pve1").omits("\x1b", "\u202e")
}
