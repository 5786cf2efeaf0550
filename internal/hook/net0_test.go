package hook_test

import (
	"os"
	"strings"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// What net0's ip= says decides; each of these asks for an address.
func TestNIC0WithoutAnAddressGetsOne(t *testing.T) {
	t.Parallel()
	for name, ip := range map[string]string{"absent": "", "manual": "manual", "dhcp": "dhcp"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.gateway()
			h.put(ct{id: 101, ip: ip})
			h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24 via 10.0.0.1 from pool lan", "lowest free address", "nobody answered")
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}

func TestEveryOtherByteOfTheConfigStays(t *testing.T) {
	t.Parallel()
	for name, tail := range map[string]string{
		"pending and snapshot": "\n[pve:pending]\nmemory: 1024\n\n[before]\n#net0 of then\nnet0: name=eth0,bridge=vmbr0,ip=dhcp,type=veth\nsnaptime: 1\n",
		"no last newline":      "lxc.mount.entry: /a b none bind",
		"CRLF":                 "swap: 512\r\nunknown_key: x\r\n",
		"odd spacing":          "\n\nswap:   512  \n\t\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual", tail: tail})
			h.start(101).exits(hook.OK)
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", tail: tail})
		})
	}
}

func TestDHCPKeepLeavesTheNICAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\tdhcp keep\n")
	h.put(ct{id: 101, ip: "dhcp"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("CT 101 net0 uses DHCP", "'dhcp keep'")
	h.has(ct{id: 101, ip: "dhcp"})
	h.records()
	h.start(102).exits(hook.OK)
	h.records("10.0.0.200 ct/102/net0 bound pool")
}

func TestRenewalThatChangesNothingWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	ledger, conf := h.stat(ledgerDir+"/ledger"), h.stat(h.confPath(101))
	claim := h.only(101)
	h.start(101).exits(hook.OK).says("10.0.0.200/24 via 10.0.0.1", "its lease since")
	if !os.SameFile(ledger, h.stat(ledgerDir+"/ledger")) || !os.SameFile(conf, h.stat(h.confPath(101))) {
		t.Error("a file was replaced by one that says the same")
	}
	if again := h.only(101); again.Claim != claim.Claim {
		t.Errorf("the claim moved from %v to %v", claim.Claim, again.Claim)
	}
}

func (h *host) stat(abs string) os.FileInfo {
	h.t.Helper()
	info, err := os.Stat(h.path(abs))
	h.Must(err)
	return info
}

func TestNetworkThatIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conf string
		says string
	}{
		"no net0":        {"arch: amd64\nostype: debian\n", "CT 101 has no net0: nothing to do"},
		"other bridge":   {ct{id: 101, ip: "manual", bridge: "vmbr7"}.String(), "no pool serves vmbr7 on pve1: left as it is"},
		"tagged":         {"net0: name=eth0,bridge=vmbr0,ip=manual,tag=20\n", "no pool serves vmbr0.20 on pve1: left as it is"},
		"net0 of a past": {"arch: amd64\n\n[snap]\n" + "net0: name=eth0,bridge=vmbr0,ip=manual\n", "CT 101 has no net0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.write(h.confPath(101), c.conf)
			h.start(101).exits(hook.OK).says(c.says)
			h.records()
		})
	}
}

// A tagged network is another one than the untagged network of its bridge:
// who has an address there says nothing of it here.
func TestTaggedNetworkIsAskedInItsVLAN(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.ReplaceAll(lan, "bridge vmbr0", "bridge vmbr0\n\tvlan 20"))
	h.script(lab.Script{VLAN: 20}, "10.0.0.200")
	h.script(lab.Script{}, "10.0.0.201")
	h.write(h.confPath(101), "net0: name=eth0,bridge=vmbr0,ip=manual,tag=20\n")
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by").says("CT 101 net0 has 10.0.0.201/24")
}

func TestNIC0ThatProxmoxWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ net0, says string }{
		"bad address":        {"name=eth0,bridge=vmbr0,ip=10.0.0.300/24", "ip"},
		"unknown property":   {"name=eth0,bridge=vmbr0,colour=red,ip=manual", "colour"},
		"duplicate property": {"name=eth0,bridge=vmbr0,ip=manual,ip=dhcp", "ip"},
		"no name":            {"bridge=vmbr0,ip=manual", "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.write(h.confPath(101), "net0: "+c.net0+"\n")
			h.start(101).exits(hook.Failed).says("error: CT 101:", c.says)
			h.records()
		})
	}
}
