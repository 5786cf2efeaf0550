package main

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// tool asks a whole network who is there.
type tool struct {
	by    string
	peer  string // empty: pve-iplease
	args  []string
	found func(out string) ([]netip.Addr, error)
	fails int // the exit status from which on it has failed
}

// tools are all, each as it comes, and tuned to be as fast as it can be
// without missing a host that answers within 150 ms.
func tools() []tool {
	ours := []string{"scan", "--bridge", bridge, "--output-format", "json"}
	arpScan := []string{"-I", bridge, "-q", "-x", "-g"}
	return []tool{
		{"pve-iplease scan", "", ours, scanFound, 1},
		{"pve-iplease scan --fast", "", add(ours, "--fast"), scanFound, 1},
		{"nmap -sn", "nmap", []string{"-sn", "-n", "-oG", "-"}, nmapFound, 1},
		{"nmap -sn -T5 --min-rate 30000", "nmap", []string{"-sn", "-n", "-PR", "-T5", "--min-rate", "30000", "-oG", "-"}, nmapFound, 1},
		{"arp-scan", "arp-scan", arpScan, arpScanFound, 1},
		{"arp-scan -i 33u -t 150", "arp-scan", add(arpScan, "-i", "33u", "-t", "150"), arpScanFound, 1},
		{"fping -g", "fping", []string{"-a", "-q", "-g"}, fpingFound, 2}, // 1: some are silent
		{"fping -g -r0 -t150 -i1", "fping", []string{"-a", "-q", "-r0", "-t150", "-i1", "-g"}, fpingFound, 2},
	}
}

func add(args []string, more ...string) []string { return slices.Concat(args, more) }

func (t tool) missing() string {
	if t.peer == "" {
		return ""
	}
	_, missing := lookUp(t.peer)
	return missing
}

// census is what a tool found out about a network.
type census struct {
	spent
	found   []netip.Addr // sorted, each once
	stopped bool         // it took too long; what it has not told yet is lost
}

// sweep lets the tool ask a network from the site's node. What takes longer
// than limit is stopped, as by a person who presses Ctrl-C.
func (t tool) sweep(s *site, network netip.Prefix, limit time.Duration) (c census, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := t.command(ctx, s, network)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGINT) }
	cmd.WaitDelay = time.Second
	c.spent, err = s.run(cmd)
	c.stopped = ctx.Err() != nil
	if err == nil && c.code >= t.fails {
		err = fmt.Errorf("exit status %d: %s", c.code, c.log)
	}
	if err != nil && !c.stopped {
		return c, err
	}
	found, err := t.found(c.out)
	if err != nil && !c.stopped {
		return c, err
	}
	slices.SortFunc(found, netip.Addr.Compare)
	c.found = slices.Compact(found)
	return c, nil
}

// command is the tool's call for a network.
func (t tool) command(ctx context.Context, s *site, network netip.Prefix) *exec.Cmd {
	if t.peer == "" {
		own := s.command(slices.Concat(t.args, []string{network.String()})...)
		cmd := exec.CommandContext(ctx, own.Path, own.Args[1:]...)
		cmd.Env, cmd.Dir = own.Env, own.Dir
		return cmd
	}
	path, _ := lookUp(t.peer)
	return exec.CommandContext(ctx, path, add(t.args, network.String())...)
}

// tally compares what was found with who is there: how many of them were
// found, and how many were found that are not. own is the asking node's address,
// which some list and others don't. Both lists are sorted.
func tally(found, there []netip.Addr, own netip.Addr) (right, wrong int) {
	for _, a := range found {
		_, here := slices.BinarySearchFunc(there, a, netip.Addr.Compare)
		switch {
		case here:
			right++
		case a != own:
			wrong++
		}
	}
	return right, wrong
}
