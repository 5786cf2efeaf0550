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

// parse is parseLine.
func (m *memo) parse(l *lease.Lease, line string) error {
	if m != nil {
		if i, known := m.at[line]; known {
			*l = m.leases[i]
			return nil
		}
	}
	return parseLine(l, line)
}

// writer returns appendLine for leases that come in the ledger's order.
func (m *memo) writer() func([]byte, *lease.Lease) ([]byte, error) {
	if m == nil {
		return appendLine
	}
	next := 0
	return func(b []byte, l *lease.Lease) ([]byte, error) {
		for next < len(m.leases) && m.leases[next].Addr.Less(l.Addr) {
			next++
		}
		for i := next; i < len(m.leases) && m.leases[i].Addr == l.Addr; i++ {
			if m.leases[i].Same(l) {
				return append(append(b, m.lines[i]...), '\n'), nil
			}
		}
		return appendLine(b, l)
	}
}
