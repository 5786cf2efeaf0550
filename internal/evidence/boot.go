package evidence

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
)

// Boot is a guest that Proxmox starts by itself.
type Boot struct {
	Guest lease.Guest
	HA    bool     // the high availability manager starts it, and elsewhere when its node is lost
	Nodes []string // where it may start, the node that it is on first
	Order int      // startup order; the highest when none is given
	Raw   []byte   // its config
}

// Boots lists the guests that start when the power comes back, in the order of
// their start: what is marked onboot by startup order and VMID, as Proxmox does
// (PVE::API2::Nodes, get_start_stop_list), then what the high availability
// manager has.
func (e *Snapshot) Boots(read ReadGuest, ha HA, nodes []string) []Boot {
	var all []Boot
	for id, g := range e.Inventory.Guests {
		if g.Template {
			continue
		}
		raw, err := read(g)
		if err != nil {
			e.remark("guest configs", "%v", err)
			continue
		}
		conf := guest.Parse(g.Kind, raw)
		b := Boot{Guest: g, Nodes: []string{g.Node}, Order: order(conf), Raw: raw}
		switch r, managed := ha[SID{g.Kind, id}]; {
		case managed && r.Started:
			b.HA, b.Nodes = true, r.places(g.Node, nodes)
		case managed || !onboot(conf):
			continue
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b Boot) int {
		if a.HA != b.HA {
			return cmp.Compare(boolInt(a.HA), boolInt(b.HA))
		}
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Guest.VMID, b.Guest.VMID))
	})
	return all
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func onboot(c guest.Config) bool {
	v, _ := c.Value("onboot")
	return v == "1" || strings.EqualFold(v, "on") || strings.EqualFold(v, "yes") || strings.EqualFold(v, "true")
}

// order reads startup: [[order=]N][,up=N][,down=N].
func order(c guest.Config) int {
	v, _ := c.Value("startup")
	for word := range strings.SplitSeq(v, ",") {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(word), "order="))
		if err == nil {
			return n
		}
	}
	return math.MaxInt
}
