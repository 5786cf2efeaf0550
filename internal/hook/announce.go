package hook

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/report"
)

// announceLimit bounds what an announcement may hold up the end of a start.
const announceLimit = time.Second

// errand is what the post-start is to announce: a line of device and address
// for each address that another MAC had last. The neighbours may still have
// that one in their caches.
func (r *run) errand(trials []*trial) string {
	var b strings.Builder
	for _, t := range trials {
		if t.g.Pool == nil || t.g.Pool.Quiet || t.nic.MAC.IsZero() || t.nic.LinkDown {
			continue
		}
		if former := r.former(t.g); !former.IsZero() && former != t.nic.MAC {
			fmt.Fprintf(&b, "%s %s\n", t.nic.Name, t.g.Lease.Addr)
		}
	}
	return b.String()
}

// former is the MAC that used an address before this lease, by the ledger, or,
// of one that is new to the guest, by what this node remembers.
func (r *run) former(g lease.Grant) lease.MAC {
	if !g.Former.IsZero() || g.Present() {
		return g.Former
	}
	return r.LastMAC(g.Lease.Addr)
}

// postStart announces what the pre-start has left word of, and mostly nothing:
// it doesn't even look at the pools. It never fails a start.
func postStart(ctx context.Context, c Call, stdout, stderr io.Writer) {
	n, err := node.Open(c.Root)
	if err != nil {
		return // the pre-start has told it
	}
	devices, err := parseErrand(n.TakeErrand(c.VMID))
	if err == nil && len(devices) == 0 {
		return
	}
	log := report.New(stdout, stderr, journal(c.Root))
	about := report.Fields{VMID: c.VMID, Phase: string(c.Phase), Outcome: "announced"}
	ctx, cancel := context.WithTimeout(ctx, announceLimit)
	defer cancel()
	pid, perr := n.InitProcess(c.VMID)
	if err == nil {
		err = perr
	}
	for device, addrs := range devices {
		if err == nil {
			err = probe.Announce(ctx, probe.Guest{PID: pid, Device: device}, addrs)
		}
		if err == nil {
			log.Info(fmt.Sprintf("CT %s: told the network that %s, which another host had before, is on %s now", c.VMID, list(addrs), report.Clean(device)), about)
		}
	}
	if err != nil {
		log.Warn(fmt.Sprintf("CT %s: not announced: %v; hosts that knew its address from before may take a minute to find it", c.VMID, err), about)
	}
}

// parseErrand reads what errand wrote.
func parseErrand(text []byte) (map[string][]netip.Addr, error) {
	devices := map[string][]netip.Addr{}
	for line := range strings.Lines(string(text)) {
		device, a, _ := strings.Cut(strings.TrimSpace(line), " ")
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return nil, err
		}
		devices[device] = append(devices[device], addr)
	}
	return devices, nil
}

func list(addrs []netip.Addr) string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return strings.Join(all, " and ")
}
