package hook

import (
	"context"
	"encoding/json"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// unbound is the note of a degraded start: the guest runs with a lease that is
// released, since the ledger could not be written.
type unbound struct {
	Owner  string        `json:"owner"`
	Addr   string        `json:"addr"`
	Bridge string        `json:"bridge"`
	Tag    uint16        `json:"tag,omitempty"`
	Claim  string        `json:"claim,omitempty"` // of the lease, if it could be read
	Up     time.Duration `json:"up"`              // of the start, in ns since the boot
	At     time.Time     `json:"at"`
}

// leaveUnbound leaves word of a degraded start before it asks the wire. So it does
// of a lease that is bound: whoever has the ledger's lock may just be releasing it
// by the note of the guest's last stop, of which nothing is seen yet.
func (r *run) leaveUnbound(t *lease.Table, carried []request) {
	if r.opt.DryRun {
		return
	}
	for _, n := range carried {
		key := n.key(r.Env.Name)
		note := unbound{
			Owner: n.owner.String(), Addr: key.Addr.String(), Bridge: key.Segment.Bridge, Tag: key.Segment.Tag,
			Up: r.Env.Uptime(), At: r.Env.Now().Truncate(time.Second),
		}
		for _, l := range t.At(key) {
			if l.Owner == n.owner {
				note.Claim = l.Claim.ID
			}
		}
		if text, err := json.Marshal(note); err == nil {
			_ = r.Unbound.Put(voice(n.owner, key.Addr), string(text)) // without it the guest still answers for its address
		}
	}
}

// takeUnbound takes back the word of a start that comes to nothing.
func (r *run) takeUnbound(carried []request) {
	for _, n := range carried {
		if !r.opt.DryRun {
			_ = r.Unbound.Put(voice(n.owner, n.key(r.Env.Name).Addr), "")
		}
	}
}

// bind binds in a table what a note names. What makes no sense is done, too.
func (h *Hook) bind(t *lease.Table, text string) (done bool) {
	var n unbound
	if json.Unmarshal([]byte(text), &n) != nil {
		return true
	}
	o, err := pve.ParseOwner(n.Owner)
	k := lease.Key{Segment: pve.NewSegment(n.Bridge, n.Tag, h.Env.Name)}
	if aerr := k.Addr.UnmarshalText([]byte(n.Addr)); err != nil || aerr != nil {
		return true
	}
	here, known := h.resides(o.Kind, o.VMID)
	if here {
		t.TookUp(k, o, n.Claim, lease.Claim{Node: h.Env.Name, Boot: h.Env.Boot, Up: n.Up, At: n.At})
	}
	return known
}

// leftUnbound reports whether a start of this node is still to be bound.
func leftUnbound(root string) bool {
	n, err := node.Open(root)
	return err == nil && len(n.Unbound().Names()) > 0
}

// Bind binds what this node's degraded starts left released, if there is any and
// the ledger can be written by now. Who can't does so later.
func (h *Hook) Bind(ctx context.Context) error {
	if len(h.Unbound.Names()) == 0 {
		return nil
	}
	if err := (&run{Hook: h}).quorate(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postStopLimit)
	defer cancel()
	return h.Ledger.Update(briefly(ctx, bindWait), func(*lease.Table) error { return nil })
}
