package ledger

import (
	"context"
	"strings"

	"pve-iplease/internal/lease"
)

// Condition is what is stored in one place.
type Condition struct {
	Name       string // path of the file
	Missing    bool
	Bytes      int
	Limit      int // most bytes that fit, 0 without a limit
	Generation uint64
	Leases     int
	Err        error // why it is no ledger
}

// Inspect describes every place that the ledger is stored in, for people to
// look at; none before the first use. A damaged one is no error.
func (l *Ledger) Inspect(ctx context.Context) ([]Condition, error) {
	slots, err := l.store.Read(ctx)
	if err != nil {
		return nil, err
	}
	var found []Condition
	for _, s := range slots {
		c := Condition{Name: s.Name, Missing: s.Missing, Bytes: len(s.Data)}
		if !s.Exact {
			c.Limit = maxFile
		}
		e, err := s.unwrap()
		if c.Err = err; err == nil {
			c.Bytes, c.Generation, c.Leases = e.size, e.Generation, e.Leases
		}
		found = append(found, c)
	}
	return found, nil
}

// Salvage returns every lease that can still be read from a damaged ledger,
// of several records of one address the latest. Nothing says that they are
// all, or that the latest change is among them.
func (l *Ledger) Salvage(ctx context.Context) ([]lease.Lease, error) {
	slots, err := l.store.Read(ctx)
	if err != nil {
		return nil, err
	}
	latest := map[lease.Key]lease.Lease{}
	for _, s := range slots {
		for line := range strings.Lines(string(s.Data)) {
			var l lease.Lease
			if parseLine(&l, strings.TrimSuffix(line, "\n")) != nil {
				continue
			}
			if old, known := latest[l.Key]; !known || old.Gen <= l.Gen {
				latest[l.Key] = l
			}
		}
	}
	t := lease.NewTable()
	for _, l := range latest {
		t.Add(l)
	}
	var found []lease.Lease
	for l := range t.All() {
		found = append(found, l)
	}
	return found, nil
}
