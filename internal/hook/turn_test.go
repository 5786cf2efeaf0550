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
	places := h.places()
	for _, p := range places {
		h.Must(p.Lock())
	}
	return func() {
		for _, p := range places {
			h.Must(p.Close())
		}
	}
}

func (h *host) places() []*flock.Flock {
	h.t.Helper()
	h.write("/run/pve-iplease/turn.0", "")
	all := make([]*flock.Flock, runtime.NumCPU())
	for i := range all {
		all[i] = flock.New(h.path("/run/pve-iplease/turn." + strconv.Itoa(i)))
	}
	return all
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
	for _, p := range h.places() {
		if free, err := p.TryLock(); !free {
			t.Errorf("%s is taken: %v", p, err)
		}
		h.Must(p.Close())
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
