package lease

// Unread is a part of the inventory that could not be read.
type Unread struct {
	Part Part
	What string // a file, or what else was asked
	Why  string
	// Known says that what was last known of it stands in. Otherwise it may name
	// any address, and only a proof tells.
	Known bool
}

// Part is what of the inventory something unread belongs to.
type Part int

// The zero Part is the guests' configs and the lists of them.
const (
	GuestConfigs  Part = iota
	SDNAddresses       // what Proxmox's SDN has given away
	NodeAddresses      // those of the cluster's nodes
	OwnAddresses       // this node's own, which no probe from it finds
)

func (u Unread) String() string {
	if u.Known {
		return u.What + " can't be read (" + u.Why + "): what it last said counts"
	}
	return u.What + " can't be read (" + u.Why + "), and which addresses it names is not known"
}

// Allows is what may still start while something can't be read of which nothing
// is known.
func (u Unread) Allows() string {
	if u.Part == OwnAddresses {
		return "nothing new starts"
	}
	return "nothing new starts without a proof"
}

// blindToItself is why no probe from this node proves anything: the node may
// have the address itself, and doesn't hear its own answer. nil: it knows its
// addresses.
func (inv *Inventory) blindToItself() *Unread {
	for i, u := range inv.Unread {
		if u.Part == OwnAddresses && !u.Known {
			return &inv.Unread[i]
		}
	}
	return nil
}

// Blind is something unread of which nothing is known; nil: there is none.
func (inv *Inventory) Blind() *Unread {
	for i := range inv.Unread {
		if !inv.Unread[i].Known {
			return &inv.Unread[i]
		}
	}
	return nil
}

// Add enters a guest and what its config names.
func (inv *Inventory) Add(g Guest, uses []Use) {
	inv.Guests[g.VMID] = g
	for i, u := range uses {
		if others, shared := inv.Uses[u.Addr]; shared {
			inv.Uses[u.Addr] = append(others, u)
		} else {
			inv.Uses[u.Addr] = uses[i : i+1 : i+1] // nothing is allocated for each
		}
	}
}

// AddUnread enters a guest whose config can't be read, with what it last said
// where that is known.
func (inv *Inventory) AddUnread(g Guest, last []Use, u Unread) {
	inv.Add(g, last)
	inv.Complete = false
	inv.Unread = append(inv.Unread, u)
}
