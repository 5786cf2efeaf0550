package evidence

import (
	"fmt"
	"slices"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// against is what can be done about a host that has an address which is
// another's.
func (c *trial) against(h Host, r right) []Step {
	steps := []Step{c.isolate(h)}
	steps = append(steps, c.reconfigure(h)...)
	if _, exists := c.guest(r.owner.VMID); exists && r.lease != nil && r.lease.Origin == lease.FromPool && r.owner.Kind == pve.Container {
		steps = append(steps, Step{What: "move", How: fmt.Sprintf("or give %s another address: stop it, then 'pve-iplease renumber %s'", r.owner.Guest(), r.owner.VMID)})
	}
	if c.leasedBy(h.Segment) != nil {
		steps = append(steps, c.leave(pve.Owner{}))
	}
	return steps
}

// isolate takes the host off the network, at once and until its next start.
func (c *trial) isolate(h Host) Step {
	s := Step{What: "isolate"}
	switch tool := guestTool(h.Owner.Kind); {
	case h.OnPort:
		s.How = fmt.Sprintf("on %s: ip link set %s down", report.Clean(c.Node), report.Clean(h.Port))
	case h.Guest.VMID != 0:
		s.How = fmt.Sprintf("on %s: %s shutdown %s", report.Clean(h.Guest.Node), tool, h.Guest.VMID)
	case slices.Contains(c.Kernel.Bridges, h.Port):
		s.How = fmt.Sprintf("it lies on %s itself, as a container in Docker's macvlan or ipvlan network does: 'docker network inspect' on %s shows %s", report.Clean(h.Port), report.Clean(c.Node), h.MAC)
	case h.Port != "":
		s.How = fmt.Sprintf("it is behind %s: look for %s in the switch's address table, and unplug it", report.Clean(h.Port), h.MAC)
	default:
		s.How = fmt.Sprintf("look for %s in the switch's address table, and unplug it", h.MAC)
	}
	return s
}

func guestTool(k pve.Kind) string {
	if k == pve.VM {
		return "qm"
	}
	return "pct"
}

// reconfigure gives the host another address, there where it has it from.
func (c *trial) reconfigure(h Host) []Step {
	step := func(format string, args ...any) []Step {
		return []Step{{What: "reconfigure", How: fmt.Sprintf(format, args...)}}
	}
	w, inspected := c.Wiring[h.Owner]
	served := h.Called != "" || (inspected && w.IP == dhcpWord)
	switch spans := c.excludeSpans(); {
	case served && len(spans) > 0:
		return spans
	case served:
		return step("give %s another address at the DHCP server, or keep %s out of its range", h.name(), c.Addr)
	case !h.Owner.IsZero() && c.named(h.Owner):
		return c.reconfigureRight(right{owner: h.Owner})
	case inspected && w.IP != "" && w.IP != manualWord:
		return step("its config says %s: set the address back inside %s, where somebody changed it", w.IP, h.Owner.Guest())
	case !h.Owner.IsZero():
		return step("set another address inside %s", h.Owner.Guest())
	}
	return step("give that host another address")
}

// The words of Wiring.IP that are no address.
const (
	dhcpWord   = "dhcp"
	manualWord = "manual"
)

func (h Host) name() string {
	if h.Owner.IsZero() {
		return "it"
	}
	return h.Owner.Guest()
}

// reconfigureRight gives a guest of this cluster another address.
func (c *trial) reconfigureRight(r right) []Step {
	id, nic := r.owner.VMID, r.owner.NIC
	how := fmt.Sprintf("stop %s, then 'pve-iplease renumber %s'", r.owner.Guest(), id)
	if r.owner.Kind == pve.VM {
		how = fmt.Sprintf("give it another address: qm set %s --ipconfig%d ip=…,gw=…", id, nic)
	}
	return []Step{{What: "reconfigure", How: how}}
}

// leave keeps the address for whoever has it, a guest or, without an owner,
// a host that is none. Unlike an exclude of the pool, that also moves a guest
// away which has it leased.
func (c *trial) leave(o pve.Owner) Step {
	how := "'pve-iplease reserve " + c.Addr.String()
	who := "that host"
	if !o.IsZero() {
		who, how = o.Guest(), how+" --guest "+o.String()
	}
	if len(c.Reserved) > 0 {
		how = fmt.Sprintf("'pve-iplease unreserve %s', then ", c.Addr) + how
	}
	return Step{What: "reserve", How: fmt.Sprintf("or leave it to %s: %s'", who, how)}
}

// excludeSpans keeps DHCP servers off the pool.
func (c *trial) excludeSpans() []Step {
	var steps []Step
	away := []pve.Range{{First: c.Addr, Last: c.Addr}}
	what := c.Addr.String()
	if c.inRange() {
		away, what = c.Pool.Leasable(), "pool "+c.Pool.Name
	}
	for _, s := range c.Spans {
		steps = append(steps, Step{
			What: "reconfigure", How: fmt.Sprintf("keep %s off %s: in %s replace the range %s by", s.Server, what, s.File, s.Range),
			Lines: Exclusion(s.Server, s.Range, away),
		})
	}
	return steps
}

// Exclusion writes what is left of a DHCP server's range without some
// addresses, in the server's own language.
func Exclusion(server dhcp.Server, span pve.Range, away []pve.Range) []string {
	left := []pve.Range{span}
	for _, a := range away {
		var next []pve.Range
		for _, l := range left {
			next = append(next, l.Without(a)...)
		}
		left = next
	}
	var lines []string
	for _, l := range left {
		switch server {
		case dhcp.ISC:
			lines = append(lines, fmt.Sprintf("range %s %s;", l.First, l.Last))
		case dhcp.Kea:
			lines = append(lines, fmt.Sprintf(`{ "pool": "%s - %s" },`, l.First, l.Last))
		default:
			lines = append(lines, fmt.Sprintf("dhcp-range=%s,%s", l.First, l.Last))
		}
	}
	if len(lines) == 0 {
		lines = []string{"(nothing: remove it)"}
	}
	return lines
}
