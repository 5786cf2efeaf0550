package hook

import (
	"context"
	"errors"
	"io/fs"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Notes are short texts by name that runs leave for later ones on this node. An
// empty text takes a note away; none is fs.ErrNotExist, and every other error of
// Get means that there may be one.
type Notes interface {
	Get(name string) (text string, err error)
	Put(name, text string) error
	Names() []string
}

// NoNotes remembers nothing.
type NoNotes struct{}

// Get finds none.
func (NoNotes) Get(string) (string, error) { return "", fs.ErrNotExist }

// Put keeps none.
func (NoNotes) Put(string, string) error { return nil }

// Names lists none.
func (NoNotes) Names() []string { return nil }

// Noting lets every change of the hook's ledger bring into it what this node
// could not write: leases that its degraded starts left released, and leases that
// its post-stops left bound.
func (h *Hook) Noting() {
	h.Ledger = noting{h.Ledger, h.Unbound, h.bind}
	h.Ledger = noting{h.Ledger, h.Unreleased, h.release}
}

// noting is a ledger into which each change also brings what notes say.
type noting struct {
	Ledger
	notes Notes
	apply func(t *lease.Table, text string) (done bool)
}

// Update is that of the ledger, with what is noted here done first. A note that
// can't be read stays for later, as does one that isn't done.
func (n noting) Update(ctx context.Context, f func(*lease.Table) error) error {
	applied := map[string]string{}
	err := n.Ledger.Update(ctx, func(t *lease.Table) error {
		clear(applied)
		for _, name := range n.notes.Names() { // read under the lock: a run may just have left or taken one
			if text, err := n.notes.Get(name); err == nil && n.apply(t, text) {
				applied[name] = text
			}
		}
		return f(t)
	})
	if err != nil {
		return err
	}
	for name, text := range applied {
		if now, err := n.notes.Get(name); err == nil && now == text { // no later run's
			_ = n.notes.Put(name, "")
		}
	}
	return nil
}

// resides reports whether a guest is on this node. What was noted here of one that
// has gone is void: on another node it may run with the same claim.
func (h *Hook) resides(kind pve.Kind, id pve.VMID) (here, known bool) {
	_, err := h.Guests.ReadGuest(kind, id)
	return err == nil, err == nil || errors.Is(err, node.ErrNoGuest)
}
