package doctor

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/node"
)

// timeError is what adjtimex(2) returns for a clock that nothing keeps right.
const timeError = 5

// lookAtClock asks the kernel whether NTP keeps the clock right, and the clock
// that runs while the power is off what time it is.
func lookAtClock(n *node.Host, now time.Time) (c Clock) {
	if state, err := unix.Adjtimex(&unix.Timex{}); err == nil {
		c.Asked, c.Synced = true, state != timeError
	}
	// Third line of /etc/adjtime (hwclock(8)): such a clock can't be compared.
	if said, _ := os.ReadFile(n.Path("/etc/adjtime")); strings.Contains(string(said), "LOCAL") {
		return c
	}
	said, err := os.ReadFile(n.Path("/sys/class/rtc/rtc0/since_epoch"))
	if err != nil {
		return c
	}
	if seconds, err := strconv.ParseInt(strings.TrimSpace(string(said)), 10, 64); err == nil {
		c.RTC = time.Unix(seconds, 0).Sub(now)
	}
	return c
}

// lookAtRights reads this process's own (proc_pid_status(5), capabilities(7)).
func lookAtRights() Rights {
	r := Rights{Root: os.Geteuid() == 0}
	said, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		r.NetRaw = r.Root
		return r
	}
	for line := range strings.Lines(string(said)) {
		if mask, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, _ := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			r.NetRaw = set&(1<<unix.CAP_NET_RAW) != 0
		}
	}
	return r
}
