package hook

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"time"
)

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

// usualSlack is the kernel's default.
const usualSlack = 50 * time.Microsecond

// slacken lets each thread of this process sleep up to so much longer than it
// wants (proc_pid_timerslack_ns(5)). What it starts later, threads and programs,
// inherits that. That it can't is no loss but of time.
func slacken(slack time.Duration) {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		_ = os.WriteFile("/proc/"+t.Name()+"/timerslack_ns", strconv.AppendInt(nil, slack.Nanoseconds(), 10), 0)
	}
}
