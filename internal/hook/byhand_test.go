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
