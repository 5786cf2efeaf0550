package hook

import (
	"context"
	"runtime"
	"time"
)

// work waits for the run's turn, unless it has it. Of hundreds of starts at once
// most are to wait, or to listen: rest comes before a probe window.
func (r *run) work(ctx context.Context) {
	if r.Slot != nil && r.slot == nil {
		r.slot = r.Slot(ctx)
	}
}

func (r *run) rest() {
	if r.slot != nil {
		r.slot()
		r.slot = nil
	}
}

// inTurn waits for a turn. In a crowd there is no processor for a second thread,
// and Go's monitor, which looks every 20 µs whether the first one hangs
// (runtime.sysmon), would take a tenth of the time of all.
func (h *Host) inTurn(ctx context.Context) (done func()) {
	done, crowd := h.Node.Turn(ctx)
	if crowd {
		runtime.GOMAXPROCS(1)
		slacken(time.Millisecond)
	}
	return done
}
