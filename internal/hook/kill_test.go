package hook_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// murder is a start that is killed.
type murder struct {
	name string
	step int
	call int // index of deadly, -1: none
}

// plot is a situation in which CT 101 is killed while it starts. CT 102 never
// was started.
type plot struct {
	stage func(t *testing.T) *host
	from  string // the first step that differs from the other plots'
	fresh bool   // there is no ledger yet
}

func plots() map[string]plot {
	return map[string]plot{
		"first use": {from: "before reading the config", fresh: true, stage: func(t *testing.T) *host {
			h := newHost(t, lan)
			h.gateway()
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			return h
		}},
		"stranger": {from: "after probing", stage: func(t *testing.T) *host {
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.stranger("10.0.0.200")
			return h
		}},
		"clone": {from: "before the ledger's change", stage: func(t *testing.T) *host {
			h := newHost(t, lan)
			h.put(ct{id: 103, ip: "manual"})
			h.start(103).exits(hook.OK)
			h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"}, ct{id: 102, ip: "manual"})
			return h
		}},
	}
}

// Whenever a start is killed: no address has two owners, the config is the old
// one or the new one, the next start gets the address that was claimed, and
// nothing is left behind after it.
func TestKilledStart(t *testing.T) {
	t.Parallel()
	for name, p := range plots() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, m := range p.plan(t) {
				t.Run(m.name, func(t *testing.T) {
					t.Parallel()
					m.commit(p.stage(t))
				})
			}
		})
	}
}

// plan lists the steps of a start that is left alone. In those in which files
// are written the process also ends at the system calls that write them.
func (p plot) plan(t *testing.T) (all []murder) {
	t.Helper()
	h, diary := p.stage(t), filepath.Join(t.TempDir(), "diary")
	h.launch(h.sabotaged(diary, murder{call: -1})).wait().exits(hook.OK)
	steps := strings.Split(strings.TrimSpace(readFile(t, diary)), "\n")
	begin := max(0, slices.Index(steps, p.from))
	seen := map[string]int{}
	for i, step := range steps[begin:] {
		name := step
		if seen[step]++; seen[step] > 1 {
			name = fmt.Sprintf("%s %d", step, seen[step])
		}
		all = append(all, murder{name: name, step: begin + i + 1, call: -1})
		for call, trap := range deadly() {
			if slices.Contains(trap.after, step) && (p.fresh || !trap.fresh) {
				all = append(all, murder{name: name + ", " + trap.name, step: begin + i + 1, call: call})
			}
		}
	}
	if len(all) < 15 {
		t.Fatalf("a start has only the steps %q", steps)
	}
	return all
}

func (h *host) sabotaged(diary string, m murder) *exec.Cmd {
	args := []string{diary, fmt.Sprint(m.step), fmt.Sprint(m.call)}
	return h.command(saboteur, append(args, h.call(101, "pre-start")...)...)
}

// commit kills the start and goes on as a host would.
func (m murder) commit(h *host) {
	h.t.Helper()
	old := h.read(h.confPath(101))
	r := h.launch(h.sabotaged(filepath.Join(h.t.TempDir(), "diary"), m))
	r.end()
	if ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() {
		h.t.Fatalf("it was to be killed, but exited with %d:\n%s", ws.ExitStatus(), r.log.String())
	}
	claimed := h.claimOf(101)
	if now := h.read(h.confPath(101)); now != old && !(claimed.IsValid() && now == ct{id: 101, ip: claimed.String() + "/24", gw: "10.0.0.1"}.String()) {
		h.t.Errorf("the config is neither old nor new:\n%s", now)
	}
	h.oneOwnerEach()
	others := h.launch(h.command(program, h.call(102, "pre-start")...))
	again := h.launch(h.command(program, h.call(101, "pre-start")...))
	others.wait().exits(hook.OK)
	again.wait().exits(hook.OK)
	h.oneOwnerEach(101, 102)
	m.inquire(h, claimed)
}

// inquire looks at what is left after the next start.
func (m murder) inquire(h *host, claimed netip.Addr) {
	h.t.Helper()
	got := h.only(101).Addr
	stranger := h.leases()[lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: claimed}].State == lease.Conflicted
	if claimed.IsValid() && got != claimed && !stranger {
		h.t.Errorf("claimed was %s, the next start got %s", claimed, got)
	}
	h.has(ct{id: 101, ip: got.String() + "/24", gw: "10.0.0.1"})
	for path := range h.everything() {
		if base := filepath.Base("/" + path); strings.HasPrefix(base, ".") || strings.Contains(base, ".tmp") {
			h.t.Errorf("left behind: %s", path)
		}
	}
}

// claimOf is the address that the ledger gives a container, invalid if none.
func (h *host) claimOf(id pve.VMID) netip.Addr {
	h.t.Helper()
	for _, l := range h.leases() {
		if l.Owner.VMID == id {
			return l.Addr
		}
	}
	return netip.Addr{}
}

// oneOwnerEach fails the test if two guests have one address by the ledger, or
// if one of those that have started would boot with what isn't its own.
func (h *host) oneOwnerEach(started ...pve.VMID) {
	h.t.Helper()
	owner := map[netip.Addr]pve.VMID{}
	for _, l := range h.leases() {
		if l.State == lease.Conflicted {
			continue
		}
		if other, twice := owner[l.Addr]; twice {
			h.t.Errorf("%s is leased to CT %s and to CT %s", l.Addr, other, l.Owner.VMID)
		}
		owner[l.Addr] = l.Owner.VMID
	}
	for _, id := range started {
		if conf, own := h.read(h.confPath(id)), h.claimOf(id); !strings.Contains(conf, ",ip="+own.String()+"/24,") {
			h.t.Errorf("CT %s, whose lease is %s, would boot with:\n%s", id, own, conf)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
