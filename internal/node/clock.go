package node

import (
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

// tick is the resolution of process start times in /proc/<pid>/stat:
// USER_HZ is 100 on every Linux architecture that Proxmox runs on.
const tick = 10 * time.Millisecond

// Boot names this boot of the host: the first 8 hex digits of the kernel's
// random boot id, "00000000" if the kernel does not tell.
func (h *Host) Boot() string {
	id, err := fastio.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(id) < 8 {
		return "00000000"
	}
	return string(id[:8])
}

// Uptime is the time since boot, suspended time included, cut to 10 ms: the
// clock and the resolution of a process's start time, so that both compare.
func (h *Host) Uptime() time.Duration {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano()).Truncate(tick)
}
