package hook_test

import (
	"net/netip"
	"strings"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
)

// What becomes of an address that is the guest's by right when a stranger has
// taken it.
func TestRenewalThatAStrangerHasTaken(t *testing.T) {
	t.Parallel()
	pinned := wired + "\nreservation: 10.0.0.205\n\tguest 101\n"
	for name, c := range map[string]struct {
		pools, ip, taken string
		code             int
		says, becomes    string
		record           string
	}{
		"from the pool":    {wired, "manual", "10.0.0.200", hook.OK, "spare of 10.0.0.200", "10.0.0.201/24", "10.0.0.201 ct/101/net0 bound pool"},
		"adopted":          {wired, "10.0.0.205/24", "10.0.0.205", hook.OK, "spare of 10.0.0.205", "10.0.0.200/24", "10.0.0.200 ct/101/net0 bound pool"},
		"on-conflict fail": {wired + "\ton-conflict fail\n", "manual", "10.0.0.200", hook.Conflict, "error: 10.0.0.200 of CT 101 is to be kept (on-conflict fail), but ", "10.0.0.200/24", "10.0.0.200 ct/101/net0 bound pool"},
		"reserved":         {pinned, "manual", "10.0.0.205", hook.Conflict, "error: 10.0.0.205 of CT 101 is reserved, but ", "10.0.0.205/24", "10.0.0.205 ct/101/net0 bound reserved"},
		"static":           {wired, "10.0.0.50/24", "10.0.0.50", hook.Conflict, "error: 10.0.0.50 of CT 101 is static, but ", "10.0.0.50/24", "10.0.0.50 ct/101/net0 bound static"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.put(ct{id: 101, ip: c.ip, gw: "10.0.0.1"})
			h.start(101).exits(hook.OK)
			s := h.stranger(c.taken)
			again := h.start(101).exits(c.code).says(c.says).says(s.MAC, "a Proxmox guest", "port eno1")
			h.has(ct{id: 101, ip: c.becomes, gw: "10.0.0.1"})
			if c.code == hook.OK {
				now, _, _ := strings.Cut(c.becomes, "/")
				again.says("warning: CT 101 net0 was " + c.taken + ", is now " + now)
				h.records(c.record, c.taken+" conflicted "+s.MAC.String())
			} else {
				h.records(c.record)
			}
		})
	}
}

func TestConflictAtAFirstStartLeavesTheConfigAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pools, ip, taken, record string }{
		"reserved": {wired + "\nreservation: 10.0.0.205\n\tguest 101\n", "manual", "10.0.0.205", "10.0.0.205 ct/101/net0 bound reserved"},
		"static":   {wired, "10.0.0.50/24", "10.0.0.50", "10.0.0.50 ct/101/net0 bound static"},
		"adopted, on-conflict fail": {
			wired + "\ton-conflict fail\n", "10.0.0.205/24", "10.0.0.205", "10.0.0.205 ct/101/net0 bound pool",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			s := h.stranger(c.taken)
			h.put(ct{id: 101, ip: c.ip})
			h.start(101).exits(hook.Conflict).says("error: "+c.taken, s.MAC, "port eno1")
			h.has(ct{id: 101, ip: c.ip})
			h.records(c.record)
		})
	}
}

// TestCopyWithTheSameMAC: a backup that was restored as another guest has its
// original's address and MAC. While the original is down the copy may take its
// place; while it is up the copy gets another address, or does not start.
func TestCopyWithTheSameMAC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ip, becomes, gw string
		code            int
		says, again     string
	}{
		"from the pool": {"10.0.0.205/24", "10.0.0.200/24", "10.0.0.1", hook.OK, "10.0.0.205 is in use by " + macOf(101).String() + " (CT 101", "10.0.0.200"},
		"static":        {"10.0.0.50/24", "10.0.0.50/24", "", hook.Conflict, "error: 10.0.0.50 of CT 102 is static, but " + macOf(101).String() + " (CT 101", "uses it"},
	} {
		for ledger, keeps := range map[string]bool{"leased to the copy": true, "leased to nobody": false} {
			t.Run(name+", "+ledger, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, wired)
				h.put(ct{id: 101, ip: c.ip, plain: true}, ct{id: 102, ip: c.ip, mac: macOf(101)})
				h.start(102).exits(hook.OK).says("CT 102 net0 has " + c.ip)
				h.rewrite(func(*lease.Lease) bool { return keeps })
				original, err := h.node.Plug("vmbr0", lab.GuestPort(101, 0), macOf(101))
				h.Must(err)
				t.Cleanup(func() { _ = original.Close() })
				h.Must(original.Configure(prefix(c.ip), netip.Addr{}))
				h.put(ct{id: 102, ip: c.ip, mac: macOf(101)})
				h.start(102).exits(c.code).says(c.says)
				h.start(102).exits(c.code).says(c.again) // nobody gets past a refusal by trying again
				h.has(ct{id: 102, ip: c.becomes, mac: macOf(101), gw: c.gw})
			})
		}
	}
}

func TestConflictNamesTheGuestWhoseMACItIs(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 105, ip: "manual"}, ct{id: 101, ip: "manual"})
	guest, err := h.node.Plug("vmbr0", lab.GuestPort(105, 0), macOf(105))
	h.Must(err)
	t.Cleanup(func() { _ = guest.Close() })
	h.Must(guest.Configure(prefix("10.0.0.200/24"), netip.Addr{})) // by hand, inside
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by " + macOf(105).String() + " (CT 105 ct105 on pve1, port veth105i0): not leased")
	h.records("10.0.0.200 conflicted "+macOf(105).String(), "10.0.0.201 ct/101/net0 bound pool")
}
