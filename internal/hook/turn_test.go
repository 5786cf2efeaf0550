package hook_test

import (
	"net/netip"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
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

// A start that asks without a claim, since its pool is broken, has no turn while
// it listens either.
func TestDegradedStartListensWithoutATurn(t *testing.T) {
	t.Parallel()
	h := newHost(t, broken)
	h.put(ct{id: 101, ip: "10.0.0.77/24", gw: "10.0.0.1"})
	silent := h.script(lab.Script{Mute: true}, "10.0.0.77")
	start := h.launch(h.command(program, h.call(101, "pre-start")...))
	for silent.Asked(netip.MustParseAddr("10.0.0.77")) == 0 {
		time.Sleep(time.Millisecond)
	}
	for i := range runtime.NumCPU() {
		place := flock.New(h.path("/run/pve-iplease/turn." + strconv.Itoa(i)))
		if free, err := place.TryLock(); !free {
			t.Errorf("place %d is taken: %v", i, err)
		}
		h.Must(place.Close())
	}
	start.end()
}

// Turns save work, no more: that all places are kept keeps nobody from starting,
// also when there is little time.
func TestStartWithoutATurn(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired+"\tprobe careful\n")
	h.settings("deadline 5s\n")
	h.put(ct{id: 101, ip: "manual"})
	t.Cleanup(h.crowded())
	h.start(101).exits(hook.OK).says("10.0.0.200/24").omits("warning")
}
