package hook_test

import (
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
)

// The second of two guests with one MAC address is told of the first, if that
// one runs: on this node as its run state says, elsewhere as the ledger does.
func TestSecondGuestWithOneMACAddressIsWarned(t *testing.T) {
	t.Parallel()
	const says = "warning: one MAC twice: net0 has "
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual", mac: macOf(101)}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK).omits(says)
	h.start(102).exits(hook.OK).omits(says) // 101 doesn't run, whatever the ledger says
	defer h.runs(101)()
	h.start(102).exits(hook.OK).says(says+macOf(101).String(), "and so has CT 101 ct101 on pve1, which runs")
	h.start(103).exits(hook.OK).omits(says)

	other := h.peer("pve2", h.lan)
	other.put(ct{id: 104, ip: "manual", mac: macOf(101)})
	other.start(104).exits(hook.OK).says(says, "CT 101 ct101 on pve1, which runs").says(says, "CT 102 ct102 on pve1, which runs")
	other.rewrite(func(l *lease.Lease) bool {
		l.State = lease.Released
		return true
	})
	other.start(104).exits(hook.OK).omits(says)
}
