package ledger

import (
	"fmt"
	"strings"

	"pve-iplease/internal/lease"
)

// typicalLine is how many bytes a lease usually takes.
const typicalLine = 120

// encode writes a table as it is stored.
func encode(t *lease.Table, was *memo) ([]byte, error) {
	leases, line := 0, recaller{memo: was}
	body := make([]byte, 0, typicalLine*t.Len())
	for l := range t.All() {
		var err error
		if body, err = line.append(body, &l); err != nil {
			return nil, err
		}
		leases++
	}
	return wrap(t, body, leases)
}

// decode reads what encode wrote. Errors wrap ErrDamaged or ErrNewer.
func decode(data []byte) (*lease.Table, error) {
	e, err := unwrap(data)
	if err != nil {
		return nil, err
	}
	return e.table(nil)
}

// table is what the ledger says.
func (e *envelope) table(was *memo) (*lease.Table, error) {
	nodes, err := e.nodes()
	if err != nil {
		return nil, err
	}
	leases, err := e.leases(was)
	if err != nil {
		return nil, err
	}
	t := lease.TableOf(leases)
	t.Generation, t.Cluster, t.Nodes, t.Extra = e.Generation, e.Cluster, nodes, e.extra
	return t, nil
}

// leases decodes the lines, each of which is three bytes long at least.
func (e *envelope) leases(was *memo) ([]lease.Lease, error) {
	found := make([]lease.Lease, 0, max(0, min(e.Leases, len(e.body)/3)))
	lines := recaller{memo: was}
	n := 0
	for rest := e.body; rest != ""; n++ {
		line, after, ended := strings.Cut(rest, "\n")
		if !ended {
			return nil, fmt.Errorf("%w: line %d does not end", ErrDamaged, n+2)
		}
		if n == cap(found) {
			n += strings.Count(rest, "\n")
			break
		}
		found = found[:n+1]
		if err := lines.parse(&found[n], line); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrDamaged, n+2, err)
		}
		rest = after
	}
	if n != e.Leases {
		return nil, fmt.Errorf("%w: it has %d of its %d leases", ErrDamaged, n, e.Leases)
	}
	return found, nil
}
