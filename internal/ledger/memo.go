package ledger

import (
	"context"
	"strings"

	"pve-iplease/internal/lease"
)

// memo is what a large ledger held a moment ago, line by line. It is there for
// speed alone: taking 5,000 lines apart and putting them together again takes
// milliseconds in which the whole cluster waits for the lock. A change reads
// the ledger before it takes the lock, too, and under the lock does so with
// those lines only that have changed since. Nothing depends on it; nil knows no
// line.
type memo struct {
	lines  []string
	leases []lease.Lease // of each line, never changed
	at     map[string]int
}

// large is from how many bytes on a memo is worth reading twice.
const large = 64 << 10

// sized is a store that can tell quickly whether it holds so much.
type sized interface {
	large() bool
}

// memorize reads the ledger without its lock, if it is large. Whatever hinders
// it is found out again under the lock.
func (l *Ledger) memorize(ctx context.Context) *memo {
	if s, ok := l.store.(sized); !ok || !s.large() {
		return nil
	}
	slots, err := l.store.Read(ctx)
	if err != nil {
		return nil
	}
	var newest *envelope
	for _, s := range slots {
		if e, err := s.unwrap(); err == nil && (newest == nil || e.Generation > newest.Generation) {
			newest = e
		}
	}
	if newest == nil {
		return nil
	}
	return memoOf(newest.body)
}

// memoOf takes a ledger's lines apart, but for those that are none.
func memoOf(body string) *memo {
	n := strings.Count(body, "\n")
	m := &memo{lines: make([]string, 0, n), leases: make([]lease.Lease, 0, n), at: make(map[string]int, n)}
	for line := range strings.SplitSeq(body, "\n") {
		var l lease.Lease
		if parseLine(&l, line) != nil {
			continue
		}
		m.at[line] = len(m.lines)
		m.lines, m.leases = append(m.lines, line), append(m.leases, l)
	}
	return m
}

// recaller takes lines apart, and puts leases together, that come in the order
// in which most of the memo's did. It calls nobody by a variable, so that no
// lease has to be allocated for it.
type recaller struct {
	*memo
	next int
}

// parse is parseLine.
func (r *recaller) parse(l *lease.Lease, line string) error {
	if r.memo == nil {
		return parseLine(l, line)
	}
	if r.next >= len(r.lines) || r.lines[r.next] != line {
		i, known := r.at[line]
		if !known {
			return parseLine(l, line)
		}
		r.next = i
	}
	*l = r.leases[r.next]
	r.next++
	return nil
}

// append is appendLine.
func (r *recaller) append(b []byte, l *lease.Lease) ([]byte, error) {
	if r.memo == nil {
		return appendLine(b, l)
	}
	for r.next < len(r.leases) && r.leases[r.next].Addr.Less(l.Addr) {
		r.next++
	}
	for i := r.next; i < len(r.leases) && r.leases[i].Addr == l.Addr; i++ {
		if r.leases[i].Same(l) {
			return append(append(b, r.lines[i]...), '\n'), nil
		}
	}
	return appendLine(b, l)
}
