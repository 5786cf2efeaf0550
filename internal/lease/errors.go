package lease

import (
	"errors"
	"fmt"
	"net/netip"

	"pve-iplease/internal/pve"
)

// ErrNoPool means that no pool serves the NIC's bridge and tag on this node.
var ErrNoPool = errors.New("no pool serves this interface")

// ExhaustedError means that a pool has nothing left to lease.
type ExhaustedError struct {
	Pool    string
	Holders []Passed // every address of the pool with who holds it, since when
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("pool %q has no free address: all %d are in use; widen its range, or free one with 'pve-iplease release VMID'",
		e.Pool, len(e.Holders))
}

// ConflictError means that an address which must not be moved belongs to
// somebody else.
type ConflictError struct {
	Addr   netip.Addr
	Reason string    // who has it and what to do
	By     []pve.MAC // strangers on the wire; empty: a guest, by ledger or config
}

func (e *ConflictError) Error() string { return e.Addr.String() + " " + e.Reason }

// LostError means that a claim is no longer what it was when it was made;
// the caller starts over.
type LostError struct {
	Addr   netip.Addr
	Reason string
}

func (e *LostError) Error() string { return e.Addr.String() + " " + e.Reason }
