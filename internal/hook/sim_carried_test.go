package hook_test

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// carried is an address that a guest has on one of its NICs.
type carried struct {
	lease.Key
	nic   int
	mac   pve.MAC
	since time.Time // when the guest got it

	// vouched says that a pre-start let the guest begin with it. What an
	// administrator starts past the hook, or changes while it runs, is not.
	vouched  bool
	degraded bool // although pools or ledger were unusable
	lost     bool // damage took its lease
	unproven bool
}

// owner is who must have the lease of such an address.
func (r *guestRun) owner(a *carried) pve.Owner { return pve.Owner{VMID: r.id, NIC: a.nic} }

// addressesIn lists what a config gives its guest.
func addressesIn(text string) (out []carried) {
	conf := guest.Parse(pve.Container, []byte(text))
	for _, i := range conf.NICs() {
		nic, err := conf.NIC(i)
		if err != nil {
			continue
		}
		for _, p := range [...]netip.Prefix{nic.Addr, nic.Addr6} {
			if p.IsValid() {
				k := lease.Key{Segment: pve.NewSegment(nic.Bridge, nic.Tag), Addr: p.Addr()}
				out = append(out, carried{Key: k, nic: i, mac: nic.MAC})
			}
		}
	}
	return out
}

// comesUp gives a guest what its config names.
func (r *guestRun) comesUp(text string) {
	r.socket, r.carries = true, nil
	for _, a := range addressesIn(text) {
		a.vouched = r.vouched
		a.degraded = strings.Contains(r.said, "starts with "+a.Addr.String()+"/")
		a.unproven = strings.Contains(r.said, a.Addr.String()+" starts unproven")
		r.has(a)
	}
}

// has gives a running guest an address, in the place of the one before.
func (r *guestRun) has(a carried) {
	a.since = time.Now()
	before := func(b carried) bool { return b.nic == a.nic && b.Addr.Is4() == a.Addr.Is4() }
	r.carries = append(slices.DeleteFunc(r.carries, before), a)
}

// living are the addresses of all guests that run.
func (c *cluster) living() iter.Seq2[*guestRun, *carried] {
	return func(yield func(*guestRun, *carried) bool) {
		for _, n := range c.nodes {
			for _, r := range n.inOrder() {
				for i := range r.carries {
					if r.socket && !yield(r, &r.carries[i]) {
						return
					}
				}
			}
		}
	}
}
