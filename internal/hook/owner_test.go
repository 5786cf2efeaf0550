package hook_test

import (
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestOwnAddressComesBack(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]string{"ip removed": "", "manual": "manual", "dhcp": "dhcp", "wrong prefix": "10.0.0.200/16"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.phase(101, "post-stop").exits(hook.OK).says("CT 101 stopped: 10.0.0.200 is kept for it")
			h.records("10.0.0.200 ct/101/net0 released pool")
			h.put(ct{id: 101, ip: now})
			h.start(101).exits(hook.OK).says("10.0.0.200/24", "its lease since")
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}

func TestCloneGetsAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.put(ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.start(102).exits(hook.OK).
		says("warning: 10.0.0.200, which net0 names, is leased to CT 101 since 20").
		says("CT 102 net0 has 10.0.0.201/24 via 10.0.0.1 from pool lan")
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"}, ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

func TestRestoredBackupUnderAnotherIDGetsAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.phase(101, "post-stop").exits(hook.OK)
	// Without --unique the restored guest has the first one's MAC, too.
	h.put(ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1", mac: macOf(101)})
	h.start(102).exits(hook.OK).says("10.0.0.200, which net0 names, is kept for CT 101, stopped since").says("CT 102 net0 has 10.0.0.201/24")
	h.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/102/net0 bound pool")
}

func TestRollbackBringsNoAddressOfAnotherBack(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.start(102).exits(hook.OK)
	h.put(ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1"}) // as a snapshot of long ago has it
	h.start(102).exits(hook.OK).says("10.0.0.200, which net0 names, is leased to CT 101").says("CT 102 net0 has 10.0.0.201/24", "its lease since")
	h.has(ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

func TestRollbackToAFreeAddressInRangeTakesItBack(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.put(ct{id: 101, ip: "10.0.0.207/24", gw: "10.0.0.1"})
	h.start(101).exits(hook.OK).says("10.0.0.207/24", "net0 names it and the ledger knows no owner")
	h.records("10.0.0.207 ct/101/net0 bound pool")
}

func TestUnknownAddressInRangeIsAdopted(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "10.0.0.205/24", gw: "10.0.0.1"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.205/24 via 10.0.0.1 from pool lan", "net0 names it and the ledger knows no owner").omits("warning")
	h.has(ct{id: 101, ip: "10.0.0.205/24", gw: "10.0.0.1"})
	h.records("10.0.0.205 ct/101/net0 bound pool")
}

func TestOfTwoConfigsWithOneAddressTheFirstToStartOwnsIt(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "10.0.0.205/24", gw: "10.0.0.1"}, ct{id: 102, ip: "10.0.0.205/24", gw: "10.0.0.1"})
	h.start(102).exits(hook.OK).says("warning: 10.0.0.205 also is named by the config of CT 101 on pve1").says("CT 102 net0 has 10.0.0.205/24")
	h.start(101).exits(hook.OK).says("10.0.0.205, which net0 names, is leased to CT 102").says("CT 101 net0 has 10.0.0.200/24")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.205 ct/102/net0 bound pool")
}

func TestOfferedAddressIsItsGuests(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]time.Duration{"in time": hour, "late": -hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.201", "probe fast"))
			now := time.Now().Truncate(time.Second)
			h.rewrite(nil, lease.Lease{
				Key: lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: addr("10.0.0.200")}, Owner: pve.Owner{VMID: 101},
				State: lease.Offered, Since: now, Until: now.Add(until), Claim: lease.Claim{ID: "offer", Node: "pve1", At: now},
			})
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.start(102).exits(hook.OK).says("CT 102 net0 has 10.0.0.201/24")
			h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24")
			h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
		})
	}
}

func TestAddressThatWasReleasedByHandMayBeReusedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200", "probe fast"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.phase(101, "post-stop").exits(hook.OK)
	h.start(102).exits(hook.Exhausted)
	h.rewrite(func(l *lease.Lease) bool { l.Freed = true; return true })
	h.start(102).exits(hook.OK).says("CT 102 net0 has 10.0.0.200/24", "nothing better is left")
	h.start(101).exits(hook.Exhausted).says("10.0.0.200 is leased to CT 102")
}
