package hook_test

import (
	"context"
	"net/netip"
	"os"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// playEstranged is the hook on a node whose kernel doesn't tell its addresses.
func playEstranged(args []string) int {
	call, _, err := hook.ParseCall(args)
	if err != nil {
		return fail(err)
	}
	h, err := hook.NewHost(hook.Place{Root: call.Root, Version: "test"}, report.New(os.Stdout, os.Stderr, ""))
	if err != nil {
		return fail(err)
	}
	read := h.Inventory
	h.Inventory = func(ctx context.Context) (lease.Inventory, error) {
		inv, err := read(ctx)
		clear(inv.Never)
		inv.Unread = append(inv.Unread, lease.Unread{Part: lease.OwnAddresses, What: "the list of this node's own addresses", Why: "no buffer space available"})
		return inv, err
	}
	return h.Run(context.Background(), call.VMID, call.Phase, call.Options)
}

// A node doesn't hear its own answer to a probe: while its addresses are not
// known nobody gets one that may be among them, and who had one comes back.
func TestNodeThatDoesNotKnowItsOwnAddresses(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
	h.Must(h.node.AddAddr("vmbr0", netip.MustParsePrefix("10.0.0.201/24")))
	start := func(id pve.VMID) result { return h.launch(h.command(estranged, h.call(id, "pre-start")...)).wait() }
	start(102).exits(hook.Failed).says("error: 10.0.0.201 is new to CT 102, and the list of this node's own addresses can't be read (no buffer space available)").
		omits("has 10.0.0.20")
	h.has(ct{id: 102, ip: "manual"})
	h.records("10.0.0.200 ct/101/net0 bound pool")
	start(101).exits(hook.OK).says("warning: the list of this node's own addresses can't be read", "nothing new starts").says("CT 101 net0 has 10.0.0.200/24")
	h.start(102).exits(hook.OK).says("10.0.0.202/24")
}
