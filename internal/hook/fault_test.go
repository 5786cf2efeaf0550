package hook_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// during runs a start and does something while its window is open.
func (h *host) during(id pve.VMID, ear *lab.Stranger, a string, do func()) result {
	h.t.Helper()
	r := h.launch(h.command(program, h.call(id, "pre-start")...))
	h.asked(ear, a)
	do()
	return r.wait()
}

// What was read is no longer what is there when the address is to be written:
// everything is read again, and decided again.
func TestConfigThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change, want ct
		says         string
	}{
		"a comment":       {ct{id: 101, ip: "manual", tail: "swap: 0\n"}, ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", tail: "swap: 0\n"}, "CT 101: guest config was changed by somebody else: deciding anew"},
		"another address": {ct{id: 101, ip: "10.0.0.207/24"}, ct{id: 101, ip: "10.0.0.207/24", gw: "10.0.0.1"}, "deciding anew"},
		"a static one":    {ct{id: 101, ip: "10.0.0.77/24"}, ct{id: 101, ip: "10.0.0.77/24"}, "deciding anew"},
		"another bridge":  {ct{id: 101, ip: "manual", bridge: "vmbr5"}, ct{id: 101, ip: "manual", bridge: "vmbr5"}, "no pool serves vmbr5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, patient)
			ear := h.ear("10.0.0.200")
			h.put(ct{id: 101, ip: "manual"})
			h.during(101, ear, "10.0.0.200", func() { h.put(c.change) }).exits(hook.OK).says(c.says)
			h.has(c.want)
		})
	}
}

// A renewal writes nothing, and still must not start a guest with what
// somebody has just put into its config.
func TestRenewalWhoseConfigChangesMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"}, ct{id: 102, ip: "10.0.0.205/24", gw: "10.0.0.1"})
	h.start(102).exits(hook.OK)
	h.during(101, ear, "10.0.0.200", func() { h.put(ct{id: 101, ip: "10.0.0.205/24", gw: "10.0.0.1"}) }).
		exits(hook.OK).says("deciding anew").says("10.0.0.205, which net0 names, is leased to CT 102")
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
}

func TestConfigThatVanishesMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"})
	h.during(101, ear, "10.0.0.200", func() { h.destroy(101) }).exits(hook.Failed).says("error: CT 101: no such guest on this node")
	if _, err := os.Stat(h.path(h.confPath(101))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the config is back: %v", err)
	}
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

// Invariant 3: a config that names the address since it was claimed.
func TestAddressThatAnotherConfigNamesMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"})
	h.during(101, ear, "10.0.0.200", func() { h.put(ct{id: 102, ip: "10.0.0.200/24"}) }).
		exits(hook.OK).says("10.0.0.200 is named by the config of CT 102 on pve1 meanwhile: deciding anew").says("CT 101 net0 has 10.0.0.201/24")
	h.has(ct{id: 101, ip: "10.0.0.201/24", gw: "10.0.0.1"})
	h.records("10.0.0.201 ct/101/net0 bound pool")
}

// And a ledger that somebody else has changed.
func TestClaimThatIsTakenBackMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.during(101, ear, "10.0.0.200", func() {
		h.rewrite(func(l *lease.Lease) bool { l.Owner.VMID = 102; l.Claim.ID = "other"; return true })
	}).exits(hook.OK).says("10.0.0.200 is leased to CT 102", "meanwhile: deciding anew").says("CT 101 net0 has 10.0.0.201/24")
	h.records("10.0.0.200 ct/102/net0 bound pool", "10.0.0.201 ct/101/net0 bound pool")
}

// full makes a directory as a full disk is: what is there can be read, and
// little can be added.
func (h *host) full(dir string) {
	h.t.Helper()
	path := h.path(dir)
	was := h.files(dir)
	h.Must(unix.Mount("tmpfs", path, "tmpfs", 0, "size=16k,mode=0755"))
	h.t.Cleanup(func() { h.Must(unix.Unmount(path, unix.MNT_DETACH)) })
	for name, text := range was {
		if name != "" {
			h.Must(os.WriteFile(path+name, []byte(text), 0o600))
		}
	}
	filler, err := os.Create(path + "/filler")
	h.Must(err)
	defer filler.Close()
	page := bytes.Repeat([]byte{0}, os.Getpagesize())
	for err == nil {
		_, err = filler.Write(page)
	}
	if !errors.Is(err, unix.ENOSPC) {
		h.t.Fatal(err)
	}
}

func TestLedgerOnAFullDisk(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.full(ledgerDir)
	before := h.files(ledgerDir)
	h.start(102).exits(hook.Failed).says("error: ", "no room for the ledger", "no space left on device", "the ledger is unchanged")
	h.has(ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24", "its lease since") // writes nothing
	h.phase(101, "post-stop").exits(hook.Failed).says("warning: the lease of CT 101 stays bound: ", "no room for the ledger")
	if after := h.files(ledgerDir); len(after) != len(before) || after["/ledger"] != before["/ledger"] {
		t.Errorf("in the ledger's directory are %q, were %q", after, before)
	}
}

func TestGuestConfigsOnAFullDisk(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.full("/etc/pve/nodes/pve1/lxc")
	h.start(102).exits(hook.Failed).says("error: config of CT 102 stays as it was: ", "no space left on device", "make room there")
	h.has(ct{id: 102, ip: "manual"})
	for name := range h.files("/etc/pve/nodes/pve1/lxc") {
		if strings.HasPrefix(name, "/.") {
			t.Errorf("left behind: %s", name)
		}
	}
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
}

func TestGuestConfigsOnAReadOnlyDisk(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.readOnly("/etc/pve/nodes/pve1/lxc")
	h.start(102).exits(hook.Failed).says("error: config of CT 102 stays as it was: ", "read-only file system")
	h.has(ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
}

func TestNoGuestConfigsAtAll(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.Must(os.Remove(h.path("/etc/pve/nodes"))) // a link
	h.launch(h.command(program, h.call(101, "pre-start")...)).wait().exits(hook.Failed).says("error: CT 101: no such guest on this node")
}

func TestStateDirectoryThatCannotBeWrittenIsNoReasonToFail(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.gateway()
	h.readOnly("/var/lib/pve-iplease") // history and gateways
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200/24").omits("warning")
}
