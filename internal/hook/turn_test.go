package hook_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"pve-iplease/internal/hook"
)

// crowded keeps every place of those that are at work on this host.
func (h *host) crowded() (end func()) {
	h.t.Helper()
	var ends []func()
	for i := range runtime.NumCPU() {
		place := "/run/pve-iplease/turn." + strconv.Itoa(i)
		h.write(place, "")
		ends = append(ends, h.keep(place))
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// A start waits for its turn before it claims and before it writes; while it
// listens, others have theirs.
func TestStartsTakeTurns(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.210", "probe careful"))
	h.put(ct{id: 101, ip: "manual"})
	end := h.crowded()
	start := h.launch(h.command(program, h.call(101, "pre-start")...))
	time.Sleep(300 * time.Millisecond)
	h.records()
	end()
	for len(h.leases()) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	end = h.crowded()
	time.Sleep(2 * time.Second)
	h.has(ct{id: 101, ip: "manual"})
	end()
	start.wait().exits(hook.OK).says("10.0.0.200/24")
}

// Turns save work, no more: that all places are kept keeps nobody from starting.
func TestStartWithoutATurn(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	t.Cleanup(h.crowded())
	h.start(101).exits(hook.OK).says("10.0.0.200/24").omits("warning")
}
