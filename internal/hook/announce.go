package hook

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// announceLimit bounds what an announcement may hold up the end of a start;
// announcePatience where it may have to wait for its turn on the uplink.
const (
	announceLimit    = time.Second
	announcePatience = 5 * time.Second
)

// droppedWord ends the line of an address from which nothing may get out yet.
const droppedWord = " dropped"

// pendingAnnouncement is what the post-start is to announce: a line of device,
// address and bridge for each address that another MAC had last. The neighbours
// may still have that one in their caches.
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
			fmt.Fprintf(&b, "%s %s %s%s\n", t.nic.Name, t.g.Lease.Addr, t.nic.Bridge, word)
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
	settings, _, _ := readSettings(n) // what is wrong in it the pre-start has told
	ctx, cancel := context.WithTimeout(ctx, announcementTime(settings))
	defer cancel()
	pid, perr := n.InitProcess(c.VMID)
	if err == nil {
		err = perr
	}
	for d, addrs := range devices {
		if err == nil {
			err = probe.Announce(ctx, probe.Guest{PID: pid, Device: d.name, Budget: uplinkBudget(n, settings, d.bridge, log)}, addrs)
		}
		switch {
		case err != nil:
		case dropped:
			log.Warn(fmt.Sprintf("CT %s: announced that %s, which another host had before, is on %s now, but Proxmox's address filter may have dropped that: hosts that knew it from before may take a minute to find it", c.VMID, list(addrs), report.Clean(d.name)), about)
		default:
			log.Info(fmt.Sprintf("CT %s: told the network that %s, which another host had before, is on %s now", c.VMID, list(addrs), report.Clean(d.name)), about)
		}
	}
	if err != nil {
		log.Warn(fmt.Sprintf("CT %s: not announced: %v; hosts that knew its address from before may take a minute to find it", c.VMID, err), about)
	}
}

// announcementTime is what an announcement may take.
func announcementTime(settings config.Node) time.Duration {
	if settings.ARPRate > 0 {
		return announcePatience
	}
	return announceLimit
}

// device is a NIC as its container calls it, and the bridge that it is plugged
// into.
type device struct{ name, bridge string }

// parsePendingAnnouncement reads what pendingAnnouncement wrote, for each device.
// dropped tells that some of it may not get out.
func parsePendingAnnouncement(text []byte) (devices map[device][]netip.Addr, dropped bool, err error) {
	devices = map[device][]netip.Addr{}
	for line := range strings.Lines(string(text)) {
		line, marked := strings.CutSuffix(strings.TrimSpace(line), droppedWord)
		name, rest, _ := strings.Cut(line, " ")
		a, bridge, _ := strings.Cut(rest, " ")
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return nil, false, err
		}
		d := device{name, bridge}
		devices[d], dropped = append(devices[d], addr), dropped || marked
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
