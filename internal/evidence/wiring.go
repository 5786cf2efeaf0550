package evidence

import (
	"fmt"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Wiring is how a guest's config plugs in one interface.
type Wiring struct {
	Segment pve.Segment
	MAC     pve.MAC
	IP      string // what the config says of its address: dhcp, manual, 10.0.0.5/24; empty: nothing
}

// ReadGuest reads a guest's config on whatever node it is.
type ReadGuest func(lease.Guest) ([]byte, error)

// Inspect looks closer at some guests: at the interfaces that their configs
// give them. One that can't be read leaves a remark.
func (e *Snapshot) Inspect(read ReadGuest, ids ...pve.VMID) {
	if e.Wiring == nil {
		e.Wiring = map[pve.Owner]Wiring{}
	}
	for _, id := range ids {
		g, ok := e.guest(id)
		if !ok {
			continue
		}
		data, err := read(g)
		if err != nil {
			e.remark("guest configs", "%v", err)
			continue
		}
		e.wire(g, guest.Parse(g.Kind, data))
	}
}

func (e *Snapshot) wire(g lease.Guest, c guest.Config) {
	for _, n := range c.NICs() {
		nic, err := c.NIC(n)
		if err != nil {
			e.remark("guest configs", "%s net%d: %v", pve.Owner{Kind: g.Kind, VMID: g.VMID}.Guest(), n, err)
			continue
		}
		w := Wiring{Segment: pve.NewSegment(nic.Bridge, nic.Tag, g.Node), MAC: nic.MAC}
		switch nic.IP {
		case guest.Static:
			w.IP = nic.Addr.String()
		case guest.DHCP, guest.Manual:
			w.IP = nic.IP.String()
		}
		e.Wiring[pve.Owner{Kind: g.Kind, VMID: g.VMID, NIC: n}] = w
	}
}

// describe says what a guest's config tells of an interface's address: "whose
// ipconfig0 is dhcp"; empty when the guest was not looked at.
func (e *Snapshot) describeWiring(o pve.Owner) string {
	w, ok := e.Wiring[o]
	key := fmt.Sprintf("net%d", o.NIC)
	if o.Kind == pve.VM {
		key = fmt.Sprintf("ipconfig%d", o.NIC)
	}
	switch {
	case !ok:
		return ""
	case w.IP == "" && o.Kind == pve.VM:
		return "which has no " + key
	case w.IP == "":
		return "whose " + key + " names no address"
	case o.Kind == pve.VM:
		return "whose " + key + " is " + w.IP
	}
	return "whose " + key + " says ip=" + w.IP
}
