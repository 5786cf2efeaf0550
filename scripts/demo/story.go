package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// story is what the demo shows, in order.
type story struct {
	*world
	*screen
}

func (s story) tell() error {
	for _, chapter := range []func() error{s.beginning, s.three, s.clone, s.taken, s.end} {
		if err := chapter(); err != nil {
			return err
		}
	}
	return nil
}

// hosts are on the LAN although Proxmox knows nothing of them.
var hosts = []struct{ addr, mac, what string }{
	{"10.0.0.1", "00:0D:B9:4A:10:01", "the gateway"},
	{"10.0.0.200", "3C:2A:F4:10:02:00", "a printer that nobody wrote down"},
	{"10.0.0.202", "DC:A6:32:10:02:02", "somebody's Raspberry Pi"},
}

func (s story) beginning() error {
	s.say("pve-iplease on node %s, whose vmbr0 is on a LAN made of network namespaces. Nothing of it touches this machine.", nodeName)
	s.typed("cat /etc/pve/pve-iplease/pools.cfg", strings.ReplaceAll(pools, "\t", "    "))
	s.say("Hosts on the LAN that no config mentions:")
	for _, h := range hosts {
		if err := s.stranger(h.mac, h.addr); err != nil {
			return err
		}
		s.text(fmt.Sprintf("%-10s  %s  %s", h.addr, h.mac, h.what))
	}
	return nil
}

// three containers start, whatever net0 says about an address so far.
func (s story) three() error {
	s.say("Three containers start. Of an address their net0 says ip=manual, ip=dhcp, and nothing at all.")
	for i, c := range []struct{ name, ip string }{{"web", "manual"}, {"db", "dhcp"}, {"mail", ""}} {
		id := pve.VMID(101 + i)
		if err := s.container(id, c.name, fmt.Sprintf("BC:24:11:00:01:%02d", i+1), c.ip); err != nil {
			return err
		}
		if err := s.start(id); err != nil {
			return err
		}
	}
	return nil
}

// clone shows that a copied address is not shared.
func (s story) clone() error {
	s.say("A clone brings along the address of the container it was made from.")
	task := s.pve.Clone(101, 104, "web2")
	s.typed("pct clone 101 104 --hostname web2", taskLog(task))
	if task.Err != nil {
		return task.Err
	}
	if err := s.showNet0(104); err != nil {
		return err
	}
	return s.start(104)
}

// taken shows a renewal that moves.
func (s story) taken() error {
	const laptop, addr = "F4:8E:38:10:02:03", "10.0.0.203"
	s.say("Container 102 is stopped, and before it is back a visitor's laptop (%s) has taken its address %s.", laptop, addr)
	task := s.pve.Stop(102)
	s.typed("pct stop 102", taskLog(task))
	if task.Err != nil {
		return task.Err
	}
	if err := s.stranger(laptop, addr); err != nil {
		return err
	}
	return s.start(102)
}

func (s story) end() error {
	s.say("Who has what in the end:")
	out, err := s.run("list")
	s.typed("pve-iplease list", out)
	if err != nil {
		return err
	}
	return s.check(101, 102, 103, 104)
}

// start starts a container and shows what an administrator would see.
func (s story) start(id pve.VMID) error {
	task := s.pve.Start(id)
	s.typed(fmt.Sprintf("pct start %s", id), taskLog(task))
	if task.Err != nil {
		return fmt.Errorf("pct start %s: %w", id, task.Err)
	}
	return s.showNet0(id)
}

func (s story) showNet0(id pve.VMID) error {
	net0, err := s.net0(id)
	s.text("net0: " + net0)
	return err
}

// taskLog is what pct prints of a task. The hook's two streams come in no
// certain order; here warnings come first.
func taskLog(t lab.Task) string {
	lines := slices.Collect(strings.Lines(strings.TrimSuffix(t.Log, "TASK OK\n")))
	slices.SortStableFunc(lines, func(a, b string) int { return -cmp.Compare(weight(a), weight(b)) })
	return strings.Join(lines, "")
}

func weight(line string) int { return strings.Count(line, ": warning: ") }

// check proves that the containers run side by side: each reaches its gateway
// and finds every other under its address, with that one's own MAC address.
func (s story) check(ids ...pve.VMID) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var guests []*lab.Guest
	for _, id := range ids {
		g, err := s.pve.Guest(id)
		if err != nil {
			return err
		}
		if g.Err != nil {
			return fmt.Errorf("CT %s: %w", id, g.Err)
		}
		guests = append(guests, g)
	}
	for _, from := range guests {
		for _, to := range guests {
			if from == to {
				continue
			}
			if err := from.Reach(ctx, to); err != nil {
				return fmt.Errorf("CT %s: %w", from.ID, err)
			}
		}
	}
	s.say("Each of the %d containers reaches the gateway and every other one.", len(guests))
	return nil
}
