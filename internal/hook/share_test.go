package hook_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// However many interfaces a container has on one bridge, its start puts what
// one switch port bears on the uplink, and asks the gateway once for all.
func TestOneStartIsOneOnItsUplink(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more string
		most int
	}{
		"one":   {"", 14},
		"two":   {nic(101, 2, "vmbr0", ""), 14},
		"three": {nic(101, 2, "vmbr0", "") + nic(101, 3, "vmbr0", ""), 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wired+"\tnics all\n")
			tap := h.tap()
			h.put(ct{id: 101, ip: "manual", more: c.more})
			h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24")
			if n := len(tap.heard); n == 0 || n > c.most {
				t.Errorf("%d ARP packets were sent, more than %d", n, c.most)
			}
		})
	}
}

// With arp-rate all starts of a node share what the uplink bears: each says
// that it waits, and none gives up for it.
func TestStartsShareARPRate(t *testing.T) {
	t.Parallel()
	const rate, starts = 14, 4
	h := newHost(t, wired)
	h.settings("arp-rate 14\ndeadline 1m\n")
	var all []*running
	for id := pve.VMID(101); id < 101+starts; id++ {
		h.put(ct{id: id, ip: "manual"})
	}
	for id := pve.VMID(101); id < 101+starts; id++ {
		all = append(all, h.launch(h.command(program, h.call(id, "pre-start")...)))
	}
	waited := 0
	for _, r := range all {
		res := r.wait().exits(hook.OK).omits("warning")
		if strings.Contains(res.log, "vmbr0: waits ") && strings.Contains(res.log, " s for its turn: the node's questions share 14 ARP packets a second on an uplink") {
			waited++
		}
	}
	if waited < starts-2 {
		t.Errorf("%d of %d said that they waited", waited, starts)
	}
	var turns []time.Duration
	for text := []byte(h.read("/run/pve-iplease/arp/vmbr0")); len(text) >= 8; text = text[8:] {
		turns = append(turns, time.Duration(binary.LittleEndian.Uint64(text)))
	}
	slices.Sort(turns)
	for i := rate; i < len(turns); i++ {
		if turns[i]-turns[i-rate] < time.Second {
			t.Fatalf("%d packets within %s", rate+1, turns[i]-turns[i-rate])
		}
	}
}

// A start whose turn would come after its deadline doesn't pass it: a new
// lease can't be proved, and one that the guest had goes on.
func TestTurnAfterTheDeadline(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.settings("arp-rate 1\ndeadline 5s\n")
	h.start(102).exits(hook.Failed).says("error: cannot prove that 10.0.0.201 is free: the uplink's 1 ARP packets a second are taken by others until after the deadline")
	h.start(101).exits(hook.OK).says("10.0.0.200 starts unproven")
}
