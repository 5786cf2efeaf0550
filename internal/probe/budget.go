package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Budget is what several questions on one uplink share: no second sees more
// ARP packets of theirs than it allows. Each question reserves the moments at
// which it sends, so that those who come later know when it is their turn.
type Budget struct {
	limit int
	share Share // nil: of this process alone
	said  func(format string, args ...any)

	mu    sync.Mutex
	taken []time.Duration // moments, sorted
}

// Share keeps the moments that the processes of this node have reserved, by a
// clock that they have in common.
type Share interface {
	Now() time.Duration
	// Change replaces what is kept, while nobody else does.
	Change(context.Context, func(taken []time.Duration) []time.Duration) error
}

// OneStart is the budget of one start on one uplink, whatever its interfaces.
func OneStart() *Budget { return NewBudget(budgetPackets, nil, nil) }

// NewBudget allows so many packets a second, also those of other processes if
// there is a share. said is told of what a person should know.
func NewBudget(limit int, share Share, said func(format string, args ...any)) *Budget {
	if said == nil {
		said = func(string, ...any) {}
	}
	return &Budget{limit: max(limit, 1), share: share, said: said}
}

const (
	// lateness is how late a packet may leave. It is made up for by so much more
	// than a second between the moments; one that is later takes another.
	lateness     = 100 * time.Millisecond
	sharedPeriod = budgetPeriod + lateness
	// noticed is the shortest wait for a turn that is told of.
	noticed = 300 * time.Millisecond
	// afterwards is what a start must have left of its deadline when it has sent
	// its last packet.
	afterwards = 2 * time.Second
)

// errLate ends a sentence about turns.
var errLate = errors.New("until after the deadline")

// atOnce reports whether one packet more can be sent now, and takes its moment.
func (b *Budget) atOnce(ctx context.Context) bool {
	_, err := b.within(ctx, lateness, afterwards, []time.Duration{0})
	return err == nil
}

// reserve takes the moments for packets that are to follow each other by gaps
// at least. It fails when the last would come too late for ctx.
func (b *Budget) reserve(ctx context.Context, gaps []time.Duration) ([]time.Time, error) {
	return b.within(ctx, math.MaxInt64, afterwards, gaps)
}

// await waits until one packet more can be sent, and takes its moment; nil
// allows any. It fails at once when that comes too late for ctx.
func (b *Budget) await(ctx context.Context) error {
	for b != nil {
		turns, err := b.within(ctx, math.MaxInt64, 0, []time.Duration{0})
		if err == nil {
			err = pause(ctx, turns[0])
		}
		if err != nil || time.Since(turns[0]) <= lateness {
			return err
		}
	}
	return nil
}

// within is reserve, unless the first packet must wait longer. left is what ctx
// must have left after the last.
func (b *Budget) within(ctx context.Context, patience, left time.Duration, gaps []time.Duration) ([]time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, clock := time.Now(), func() time.Duration { return time.Duration(time.Now().UnixNano()) }
	if b.share != nil {
		clock = b.share.Now
	}
	var placed []time.Duration
	var late error
	at := clock()
	change := func(taken []time.Duration) []time.Duration {
		at, now = clock(), time.Now() // others may have been waited for
		var all []time.Duration
		placed, all = place(taken, b.limit, at, gaps)
		if end, limited := ctx.Deadline(); limited && len(placed) > 0 && end.Sub(now) < placed[len(placed)-1]-at+left {
			late = fmt.Errorf("the uplink's %d ARP packets a second are taken by others %w", b.limit, errLate)
			return taken
		}
		if len(placed) > 0 && placed[0]-at > patience {
			late = errors.New("it is not its turn")
			return taken
		}
		return all
	}
	if b.share == nil {
		b.taken = change(b.taken)
	} else if err := b.share.Change(ctx, change); err != nil {
		b.said("the uplink's ARP budget is not shared with other starts: %v", err)
		b.taken = change(b.taken)
	}
	if late != nil {
		return nil, late
	}
	if len(placed) > 0 && placed[0]-at > noticed {
		b.said("waits %.1f s for its turn: the node's questions share %d ARP packets a second on an uplink", (placed[0] - at).Seconds(), b.limit)
	}
	times := make([]time.Time, len(placed))
	for i, t := range placed {
		times[i] = now.Add(t - at)
	}
	return times, nil
}

// place finds the soonest moments, of which with those taken no second holds
// more than a limit, each a gap or more after the one before. all are those
// that still matter.
func place(taken []time.Duration, limit int, now time.Duration, gaps []time.Duration) (placed, all []time.Duration) {
	all = slices.Clone(taken)
	slices.Sort(all)
	all = slices.DeleteFunc(all, func(t time.Duration) bool { return t <= now-sharedPeriod })
	due := now
	for _, gap := range gaps {
		due = soonest(all, limit, due+max(gap, 0))
		i, _ := slices.BinarySearch(all, due+1)
		all = slices.Insert(all, i, due)
		placed = append(placed, due)
	}
	return placed, all
}

// soonest is the first moment from t on that can be added.
func soonest(all []time.Duration, limit int, t time.Duration) time.Duration {
	for {
		i, _ := slices.BinarySearch(all, t+1) // behind those of the same moment
		next := t
		for first := max(0, i-limit); first <= i && first+limit <= len(all); first++ {
			// The limit+1 moments from first on, t among them.
			begin, end := t, t
			if first < i {
				begin = all[first]
			}
			if last := first + limit; last > i {
				end = all[last-1]
			}
			switch {
			case end-begin >= sharedPeriod:
			case first < i:
				next = max(next, begin+sharedPeriod)
			default: // what follows leaves no room before it
				next = max(next, all[i])
			}
		}
		if next == t {
			return t
		}
		t = next
	}
}
