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

// leaveUnbound leaves word of a degraded start, unless the ledger could be read
// and has the lease bound.
func (r *run) leaveUnbound(t *lease.Table, k lease.Key, o pve.Owner) {
	note := unbound{
		Owner: o.String(), Addr: k.Addr.String(), Bridge: k.Segment.Bridge, Tag: k.Segment.Tag,
		Up: r.Env.Uptime(), At: r.Env.Now().Truncate(time.Second),
	}
	for _, l := range t.At(k) {
		if l.Owner == o {
			note.Claim = l.Claim.ID
		}
		if l.Owner == o && l.State == lease.Bound || r.opt.DryRun {
			return
		}
	}
	text, err := json.Marshal(note)
	if err == nil {
		_ = r.Unbound.Put(voice(o, k.Addr), string(text)) // without it the guest still answers for its address
	}
}

// bind binds in a table what a note names.
func (h *Hook) bind(t *lease.Table, text string) {
	var n unbound
	if json.Unmarshal([]byte(text), &n) != nil {
		return
	}
	o, err := pve.ParseOwner(n.Owner)
	k := lease.Key{Segment: pve.NewSegment(n.Bridge, n.Tag, h.Env.Name)}
	if aerr := k.Addr.UnmarshalText([]byte(n.Addr)); err != nil || aerr != nil {
		return
	}
	t.TookUp(k, o, n.Claim, lease.Claim{Node: h.Env.Name, Boot: h.Env.Boot, Up: n.Up, At: n.At})
}

// binding is a ledger into which each change also brings what the degraded
// starts of this node could not.
type binding struct {
	Ledger
	*Hook
}

// Binding lets every change of the hook's ledger bind what this node's degraded
// starts left released.
func (h *Hook) Binding() { h.Ledger = binding{h.Ledger, h} }

// Update is that of the ledger, with what is noted here done first.
func (b binding) Update(ctx context.Context, f func(*lease.Table) error) error {
	names := b.Unbound.Names()
	if len(names) == 0 {
		return b.Ledger.Update(ctx, f)
	}
	texts := make([]string, len(names))
	err := b.Ledger.Update(ctx, func(t *lease.Table) error {
		for i, name := range names {
			texts[i], _ = b.Unbound.Get(name)
			b.bind(t, texts[i])
		}
		return f(t)
	})
	if err != nil {
		return err
	}
	for i, name := range names {
		if now, _ := b.Unbound.Get(name); now == texts[i] { // no later start's
			_ = b.Unbound.Put(name, "")
		}
	}
	return nil
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
