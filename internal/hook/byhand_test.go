package hook_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
)

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

func TestGuestThatDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.phase(101, "pre-start").exits(hook.Failed).says("error: CT 101: no such guest on this node")
	h.phase(101, "post-stop").exits(hook.OK).omits("error", "warning")
	h.records()
}

func TestForeignStringsAreCleaned(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	s := h.neighbour(macOf(105), "10.0.0.200")
	evil := strings.Replace(ct{id: 105, ip: "manual"}.String(), "hostname: ct105", "hostname: a\x1b]0;b\u202ec", 1)
	h.write(h.confPath(105), evil)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by "+s.MAC.String()+" (CT 105 a\ufffd]0;b\ufffdc on pve1").omits("\x1b", "\u202e")
}

// Proxmox starts no template; by hand nothing is leased for one either.
func TestTemplateNeedsNoAddress(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *host){
		"all is well":  func(*host) {},
		"broken pools": func(h *host) { h.pools("Dear diary\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			c := ct{id: 101, ip: "10.0.0.205/24", more: "template: 1\n"}
			h.put(c)
			h.vm(200, "ipconfig0: ip=10.0.0.206/24", "template: 1")
			spoil(h)
			h.start(101).exits(hook.OK).says("CT 101 is a template, which never starts: nothing to do").omits("10.0.0.205")
			h.start(101, "--dry-run").exits(hook.OK).says("CT 101 is a template, which never starts: nothing to do")
			h.start(200).exits(hook.OK).says("VM 200 is a template, which never starts: nothing to do").omits("10.0.0.206")
			if name == "all is well" { // otherwise the pools are named first
				h.admin("acquire", "101").exits(hook.Failed).says("error: CT 101 ct101 on pve1 is a template, which never starts and needs no address")
			}
			for _, args := range [][]string{{"renumber", "101"}, {"move", "10.0.0.209", "--to", "101"}, {"apply", "200"}} {
				h.admin(args...).exits(hook.Failed).says("error: ", args[len(args)-1], "is a template, which never starts and needs no address")
			}
			h.has(c)
			h.records()
		})
	}
}
