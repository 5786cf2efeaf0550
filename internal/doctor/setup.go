package doctor

import (
	"net/netip"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// Setup is how this node is set up, and the others as far as this one can see.
// It is plain data for Examine.
type Setup struct {
	Now     time.Time
	Node    string
	Version string // of this program
	Program string // its file
	Cluster string // its name; empty: a host of its own

	Mount     string   // why /etc/pve can't be used; empty: it can
	Quorum    string   // why it can't be written; empty: it can
	Scratch   bool     // the files are those of a --root directory
	Nodes     []string // that have a directory below /etc/pve/nodes
	Members   []string // of the cluster; empty: not told
	Inventory lease.Inventory
	Unlisted  string // why there is none; empty: it is not told

	Problems []config.Problem // of the pools file and node.cfg
	File     string           // the pools file, as the host calls it
	Pools    lease.Pools
	Reserved int

	Ledger   Store
	Table    *lease.Table      // nil: it can't be read
	Scripts  []evidence.Script // on each node where there should be one
	Bridges  []Bridge          // of this node's pools
	Gateways []node.Gateway    // that this node has heard
	Firewall evidence.Firewall
	Loose    []Loose    // directories that others could change
	Plain    []pve.VMID // guests of this node with our hook that no address reaches: Proxmox writes them no network files
	Clock    Clock
	Rights   Rights
}

// Store is what is stored of the ledger.
type Store struct {
	Dir    string // as the host calls it
	Shared bool   // on the cluster's file system
	Places []ledger.Condition
	Err    error         // why it can't be used
	Locked time.Duration // how long its lock has been held; 0: it is free
	Kept   []string      // damaged ones that were put aside
}

// Loose is a directory that somebody else than root could change.
type Loose struct {
	Path string
	Why  string // "can be written by others"
	Run  string // a command that ends it
}

// Clock is what is known of this node's clock.
type Clock struct {
	Asked  bool          // the kernel was asked
	Synced bool          // it is kept right by NTP
	RTC    time.Duration // how far the clock that runs while the power is off is ahead; 0: unknown
}

// Rights are those of the process that looks, which Proxmox would start a hook
// with too.
type Rights struct {
	Root   bool
	NetRaw bool // CAP_NET_RAW: may send ARP packets
}

// Bridge is a bridge that a pool of this node names.
type Bridge struct {
	Name     string
	Missing  string // why it can't be used as one; empty: it is there
	Up       bool
	STP      bool // its ports learn for a while before they forward
	VLAN     bool // it knows VLANs
	Switch   bool // it is one of Open vSwitch, whose ports can't be seen
	Addrs    []netip.Prefix
	Ports    []Port
	Declared []string // uplinks that /etc/network/interfaces gives it
}

// Port is a bridge port that leads out of this host.
type Port struct {
	Name       string
	Carrier    bool
	Forwarding bool
	Suppress   bool // neigh_suppress: the bridge keeps probes from it
}
