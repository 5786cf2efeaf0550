package ledger

import "context"

// Store is where a ledger's bytes are kept. A test may wrap one to stop, fail
// or kill at each step.
type Store interface {
	// Read returns what every slot holds now, without a lock; no slots mean
	// that no ledger was created yet. It may see a slot half written.
	Read(ctx context.Context) ([]Slot, error)
	// Lock waits until this process alone may write, at most until ctx ends
	// (ErrLocked), and creates the ledger if it isn't there yet.
	Lock(ctx context.Context) (Writer, error)
}

// Writer is the right to write to a store.
type Writer interface {
	// Write replaces what a slot holds, all or nothing as seen by the checks
	// of Read's caller. It refuses when the slots no longer are what was read.
	// An error says which state is stored, ErrUnknown if that can't be told.
	Write(ctx context.Context, was []Slot, slot int, data []byte) error
	// Keep copies what a slot holds, for people to look at later.
	Keep(ctx context.Context, slot int, suffix string) error
	// Unlock ends the right to write.
	Unlock() error
}

// Slot is one place that a ledger can be stored in.
type Slot struct {
	Name    string // for messages
	Data    []byte
	Missing bool // there is no such file
	Exact   bool // nothing may follow the ledger in Data
}
