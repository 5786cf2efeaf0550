package hook

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// announceLimit bounds what an announcement may hold up the end of a start.
const announceLimit = time.Second

// droppedWord ends the line of an address from which nothing may get out yet.
const droppedWord = " dropped"

// pendingAnnouncement is what the post-start is to announce: a line of device and address
// for each address that another MAC had last. The neighbours may still have
// that one in their caches.
func (r *run) pendingAnnouncement(assignments []*assignment, dropped []netip.Addr) string {
	var b strings.Builder
	for _, t := range assignments {
		if t.g.Pool == nil || t.g.Pool.Quiet || t.nic.MAC.IsZero() || t.nic.LinkDown {
			continue
		}
		if former := r.former(t.g); !former.IsZero() && former != t.nic.MAC {
			word := ""
			if slices.Contains(dropped, t.g.Lease.Addr) {
				word = droppedWord
			}
			fmt.Fprintf(&b, "%s %s%s\n", t.nic.Name, t.g.Lease.Addr, word)
		}
	}
	return b.String()
}

// former is the MAC that used an address before this lease, by the ledger, or,
// of one that is new to the guest, by what this node remembers.
func (r *run) former(g lease.Grant) pve.MAC {
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
	devices, dropped, err := parsePendingAnnouncement(n.TakeAnnouncement(c.VMID))
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
		switch {
		case err != nil:
		case dropped:
			log.Warn(fmt.Sprintf("CT %s: announced that %s, which another host had before, is on %s now, but Proxmox's address filter may have dropped that: hosts that knew it from before may take a minute to find it", c.VMID, list(addrs), report.Clean(device)), about)
		default:
			log.Info(fmt.Sprintf("CT %s: told the network that %s, which another host had before, is on %s now", c.VMID, list(addrs), report.Clean(device)), about)
		}
	}
	if err != nil {
		log.Warn(fmt.Sprintf("CT %s: not announced: %v; hosts that knew its address from before may take a minute to find it", c.VMID, err), about)
	}
}

// parsePendingAnnouncement reads what pendingAnnouncement wrote. dropped tells that some of it may not
// get out.
func parsePendingAnnouncement(text []byte) (devices map[string][]netip.Addr, dropped bool, err error) {
	devices = map[string][]netip.Addr{}
	for line := range strings.Lines(string(text)) {
		device, a, _ := strings.Cut(strings.TrimSpace(line), " ")
		a, marked := strings.CutSuffix(a, droppedWord)
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return nil, false, err
		}
		devices[device], dropped = append(devices[device], addr), dropped || marked
	}
	return devices, dropped, nil
}

func list(addrs []netip.Addr) string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return strings.Join(all, " and ")
}
