package hook

import (
	"os"
	"strconv"
	"time"
)

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
