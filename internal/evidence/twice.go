package evidence

import (
	"fmt"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// bearers are the guests whose configs have a MAC address, by their numbers;
// templates never run.
func (e *Snapshot) bearers(m pve.MAC) []pve.VMID {
	var ids []pve.VMID
	for id, g := range e.Inventory.Guests {
		if !m.IsZero() && !g.Template && slices.Contains(g.MACs, m) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// bears reports whether a guest's config has a MAC address.
func (e *Snapshot) bears(id pve.VMID, m pve.MAC) bool {
	g, ok := e.guest(id)
	return ok && slices.Contains(g.MACs, m)
}

// twice says that several guests have one MAC address, and what to do.
func (e *Snapshot) twice(s Severity, m pve.MAC, ids []pve.VMID) Verdict {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = e.guestName(pve.Owner{VMID: id})
	}
	return Verdict{
		Severity: s, Twice: m,
		Text: fmt.Sprintf("one MAC twice: %s is the MAC address of %s: while both run, what is sent to one of them reaches the other",
			m, strings.Join(names, " and of ")),
		Do: []Step{{What: "reconfigure", How: "delete the MAC address in one of the configs: Proxmox makes a new one"}},
	}
}

// doubled: the voice of the guest that should have the address came from
// another's port. One MAC address on two ports moves from the one to the other
// in the bridge's table, so who has spoken can't be told, and the address is
// nobody's fault.
func (c *trial) doubled() (Verdict, bool) {
	for _, h := range c.hosts {
		for _, r := range c.rights {
			if h.Proxy || h.is(r.owner) || !c.bears(r.owner.VMID, h.MAC) || !h.Owner.IsZero() && !c.bears(h.Owner.VMID, h.MAC) {
				continue
			}
			if ids := c.bearers(h.MAC); len(ids) > 1 {
				return c.twice(Conflict, h.MAC, ids), true
			}
		}
	}
	return no()
}
