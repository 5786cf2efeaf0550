package hook_test

import (
	"net/netip"
	"testing"

	"pve-iplease/internal/hook"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// change is what becomes of a pool from which CT 101 has 10.0.0.200, and of
// the lease.
type change struct {
	pools  string
	says   []any
	ip, gw string
	record string
}

func changes() map[string]change {
	return map[string]change{
		"renamed": {
			section("renamed", "range 10.0.0.200-10.0.0.209"),
			[]any{"10.0.0.200/24", "from pool renamed", "its lease since"},
			"10.0.0.200/24", "10.0.0.1", "10.0.0.200 ct/101/net0 bound pool",
		},
		"shrunk": {
			section("lan", "range 10.0.0.205-10.0.0.209"),
			[]any{"warning: 10.0.0.200 is outside the ranges of pool lan", "pve-iplease renumber 101"},
			"10.0.0.200/24", "10.0.0.1", "10.0.0.200 ct/101/net0 bound pool",
		},
		"excluded": {
			section("lan", "range 10.0.0.200-10.0.0.209", "exclude 10.0.0.200"),
			[]any{"warning: 10.0.0.200 is outside the ranges of pool lan"},
			"10.0.0.200/24", "10.0.0.1", "10.0.0.200 ct/101/net0 bound pool",
		},
		"moved": {
			"pool: lan\n\tbridge vmbr0\n\tsubnet 10.9.0.0/16\n\tgateway 10.9.0.1\n\trange 10.9.0.200-10.9.0.209\n",
			[]any{"warning: 10.0.0.200 is in no pool's subnet any more"},
			"10.9.0.200/16", "10.9.0.1", "10.9.0.200 ct/101/net0 bound pool",
		},
		"wider": {
			"pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/16\n\tgateway 10.0.255.254\n\trange 10.0.0.200-10.0.0.209\n",
			[]any{"10.0.0.200/16 via 10.0.255.254", "its lease since"},
			"10.0.0.200/16", "10.0.255.254", "10.0.0.200 ct/101/net0 bound pool",
		},
		"gateway on it": {
			"pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\tgateway 10.0.0.200\n\trange 10.0.0.200-10.0.0.209\n",
			[]any{"warning: its address 10.0.0.200 is the gateway of pool lan"},
			"10.0.0.201/24", "10.0.0.200", "10.0.0.201 ct/101/net0 bound pool",
		},
		"on certain nodes": {
			section("lan", "nodes pve1,pve2", "range 10.0.0.200-10.0.0.209"),
			[]any{"10.0.0.200/24", "its lease since"},
			"10.0.0.200/24", "10.0.0.1", "10.0.0.200 vmbr0@pve1,pve2 ct/101/net0 bound pool",
		},
		"removed": {
			"# none left\n",
			[]any{"no pool serves vmbr0 on pve1: left as it is"},
			"10.0.0.200/24", "10.0.0.1", "10.0.0.200 ct/101/net0 bound pool",
		},
	}
}

// A pool that changes while a lease of it lives.
func TestPoolThatChanges(t *testing.T) {
	t.Parallel()
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.pools(c.pools)
			h.start(101).exits(hook.OK).says(c.says...)
			h.has(ct{id: 101, ip: c.ip, gw: c.gw})
			h.records(c.record)
		})
	}
}

// A guest whose pool is gone still has its address: nobody else gets it when
// the pool comes back under another name.
func TestRemovedPoolThatComesBackKnowsItsLeases(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.pools("")
	h.start(102).exits(hook.OK).says("no pool serves")
	h.pools(section("back", "range 10.0.0.200-10.0.0.209"))
	h.start(102).exits(hook.OK).says("10.0.0.201/24", "from pool back")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}
