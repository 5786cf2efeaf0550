package hook_test

import (
	"fmt"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// spacious is a pool with room for a crowd.
var spacious = section("lan", "range 10.0.0.100-10.0.0.199")

// crowd launches the starts of containers at once.
func (h *host) crowd(first pve.VMID, n int) []*running {
	h.t.Helper()
	for i := range n {
		h.put(ct{id: first + pve.VMID(i), ip: "manual"})
	}
	all := make([]*running, n)
	for i := range all {
		id := first + pve.VMID(i)
		all[i] = h.launch(h.command(program, h.call(id, "pre-start")...))
	}
	return all
}

// distinct fails the test unless each container of a crowd has an address of
// its own, by the ledger and by its config.
func (h *host) distinct(first pve.VMID, n int) {
	h.t.Helper()
	ids := make([]pve.VMID, n)
	for i := range ids {
		ids[i] = first + pve.VMID(i)
	}
	h.oneOwnerEach(ids...)
	if got := len(h.leases()); got != n {
		h.t.Errorf("the ledger has %d leases, want %d", got, n)
	}
}

func TestFiftyContainersStartedAtOnceGetFiftyAddresses(t *testing.T) {
	t.Parallel()
	h := newHost(t, spacious)
	h.gateway()
	for _, r := range h.crowd(101, 50) {
		r.wait().exits(hook.OK).says("/24 via 10.0.0.1 from pool lan").omits("warning", "error")
	}
	h.distinct(101, 50)
}

func TestCrowdOnTwoNodesAmongStrangers(t *testing.T) {
	t.Parallel()
	one := newHost(t, spacious)
	two := one.peer("pve2", one.lan)
	taken := map[string]bool{}
	for i := range 15 {
		a := fmt.Sprintf("10.0.0.%d", 100+i*2)
		one.stranger(a)
		taken[a] = true
	}
	starts := append(one.crowd(101, 10), two.crowd(201, 10)...)
	for _, r := range starts {
		r.wait().exits(hook.OK)
	}
	living := 0
	for _, l := range one.leases() {
		if l.State != lease.Conflicted {
			living++
			if taken[l.Addr.String()] {
				t.Errorf("leased although a stranger has it: %s", summary(l))
			}
		}
	}
	if living != 20 {
		t.Errorf("%d containers have leases, want 20", living)
	}
	one.oneOwnerEach(101, 102, 103, 104, 105, 106, 107, 108, 109, 110)
	two.oneOwnerEach(201, 202, 203, 204, 205, 206, 207, 208, 209, 210)
}

// A guest that is started twice at once has one address.
func TestSameContainerStartedTwiceAtOnceByHand(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"})
	a := h.launch(h.command(program, h.call(101, "pre-start")...))
	b := h.launch(h.command(program, h.call(101, "pre-start")...))
	for _, res := range []result{a.wait(), b.wait()} {
		if res.code != hook.Locked { // as on a busy machine, by the first
			res.exits(hook.OK).says("10.0.0.200/24")
		}
	}
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/101/net0 bound pool")
}
