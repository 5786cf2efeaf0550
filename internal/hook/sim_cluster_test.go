package hook_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lab/sim"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// cluster is a simulated Proxmox cluster: what its nodes share, and the
// network that all of its guests are on.
type cluster struct {
	*sim.Sim
	nodes     []*machine
	truth     etcPVE // with every change applied
	changes   []func(*etcPVE)
	pools     config.Config
	strangers map[lease.Key]*stranger
	hostiles  []*hostile
	routers   bool                  // the gateways answer
	caches    map[lease.Key]pve.MAC // what a switch answers for everybody who asks
	windows   []*window
	backups   map[pve.VMID]string // an older config of each guest
	backed    map[pve.VMID]bool   // a stop-mode backup is going on
	watch     watch
	ids       int
	loss      float64       // of each packet
	deadline  time.Duration // of node.cfg
	flaky     float64       // writes whose outcome is unknown
}

// machine is one node.
type machine struct {
	name    string
	up      bool
	booted  time.Time
	boots   int
	skew    time.Duration // of its wall clock
	quorate bool
	links   map[string]*link // of each bridge
	prober  pve.MAC
	etc     etcPVE // as far as changes have arrived
	applied int
	seen    map[pve.VMID]glance     // the inventory's cache
	locks   map[pve.VMID]*sim.Actor // Proxmox's lock on each config
	// unreadable are the configs that give EIO to who reads all of them.
	unreadable map[pve.VMID]bool
	grabs      map[pve.VMID]int       // how often a command of ours took it
	runs       map[pve.VMID]*guestRun // what lxc-start supervises
	past       map[pve.VMID]time.Time // when each was last started past the hook
	flock      *sim.Actor             // holds the ledger's lock of the node
	marker     bool                   // the lock directory may be this node's
	gateways   map[netip.Addr]missing
	fooled     map[string]time.Time         // when silence last proved nothing on a bridge, and nothing told of it
	notes      map[string]map[string]string // what outlives a boot, by directory
}

// etcPVE is one node's copy of what pmxcfs stores.
type etcPVE struct {
	guests  map[pve.VMID]conf
	version int // of the list of guests
	dir     bool
	begun   bool
	slots   [2]slotFile
	lock    lockDir
}

// conf is a guest's config file. Its content is never changed in place.
type conf struct {
	node    string
	text    string
	version int
	byHook  bool // the hook wrote it last
	at      time.Time
}

type slotFile struct {
	there bool
	data  []byte
}

// lockDir is /etc/pve/priv/lock/pve-iplease.
type lockDir struct {
	held  bool
	node  string
	since time.Time
}

// newCluster boots nodes without guests.
func newCluster(seed uint64, nodes ...string) *cluster {
	c := &cluster{
		Sim: sim.New(seed), pools: poolsOf(10, 15),
		strangers: map[lease.Key]*stranger{}, caches: map[lease.Key]pve.MAC{}, backups: map[pve.VMID]string{},
		truth: etcPVE{guests: map[pve.VMID]conf{}}, backed: map[pve.VMID]bool{}, deadline: 30 * time.Second, routers: true,
	}
	for i, name := range nodes {
		n := &machine{
			name: name, up: true, booted: time.Now().Add(-time.Hour), quorate: true, links: map[string]*link{},
			prober: pve.MAC{0x02, 0, 0, 0, 0, byte(i + 1)}, etc: etcPVE{guests: map[pve.VMID]conf{}},
			gateways: map[netip.Addr]missing{}, fooled: map[string]time.Time{},
			notes: map[string]map[string]string{"proved": {}, "heard": {}},
		}
		for _, s := range subnets {
			n.links[s.Bridge] = &link{up: true}
		}
		n.clear()
		c.nodes = append(c.nodes, n)
		c.Daemon("pmxcfs "+name, name, func(a *sim.Actor) { c.deliver(a, n) })
	}
	c.watch.init()
	c.Check, c.BeforePass = c.check, c.settle
	return c
}

// clear is what a boot does to /run.
func (n *machine) clear() {
	n.runs, n.locks = map[pve.VMID]*guestRun{}, map[pve.VMID]*sim.Actor{}
	n.seen, n.unreadable = map[pve.VMID]glance{}, map[pve.VMID]bool{}
	n.notes["unbound"], n.notes["unreleased"] = map[string]string{}, map[string]string{}
	n.flock, n.marker, n.grabs, n.past = nil, false, map[pve.VMID]int{}, map[pve.VMID]time.Time{}
}

func (n *machine) boot() string { return fmt.Sprintf("%s%04x", n.name, n.boots) }

// uptime has the resolution of /proc/<pid>/stat.
func (n *machine) uptime() time.Duration { return time.Since(n.booted).Truncate(10 * time.Millisecond) }

func (n *machine) now() time.Time { return time.Now().Add(n.skew) }

// deliver brings the changes that other nodes made, one by one.
func (c *cluster) deliver(a *sim.Actor, n *machine) {
	for {
		a.Await(context.Background(), "delivers", func() bool { return n.quorate && n.applied < len(c.changes) })
		c.apply(n)
	}
}

func (c *cluster) apply(n *machine) {
	c.changes[n.applied](&n.etc)
	n.applied++
}

// link is a bridge's cable.
type link struct {
	up    bool
	since time.Time // it was plugged in
	mute  bool      // the switch port learns: nothing passes, and nothing tells
	loud  time.Time // when that ended last
}

// cable plugs all cables in, or pulls them.
func (n *machine) cable(up bool) {
	for _, l := range n.links {
		if up && !l.up {
			l.since = time.Now()
		}
		l.up = up
	}
}

// cutOff reports whether a bridge of the node had no link at some time since.
func (n *machine) cutOff(bridge string, since time.Time) bool {
	l := n.links[bridge]
	return !l.up || l.since.After(since)
}

// passes reports whether frames pass between a bridge of the node and the
// network.
func (n *machine) passes(bridge string) bool {
	l := n.links[bridge]
	return l.up && !l.mute
}

// muted reports whether the switch port of a bridge let nothing pass at some
// time since.
func (n *machine) muted(bridge string, since time.Time) bool {
	l := n.links[bridge]
	return l.mute || l.loud.After(since)
}

// linked reports whether frames of a bridge pass between two nodes.
func linked(bridge string, x, y *machine) bool {
	return x == y || x.passes(bridge) && y.passes(bridge)
}

// settle delivers everything: pmxcfs lags for milliseconds, not for longer.
func (c *cluster) settle() {
	for _, n := range c.nodes {
		for n.quorate && n.up && n.applied < len(c.changes) {
			c.apply(n)
		}
	}
}

// change puts a change in order and waits for its arrival on the node.
// It reports false without quorum.
func (c *cluster) change(n *machine, f func(*etcPVE)) bool {
	if !n.quorate {
		return false
	}
	c.changes = append(c.changes, f)
	f(&c.truth)
	for n.applied < len(c.changes) {
		c.apply(n)
	}
	return true
}

// put writes a guest's config, or moves it to a node.
func (c *cluster) put(n *machine, id pve.VMID, node, text string, byHook bool) bool {
	at := time.Now()
	return c.change(n, func(e *etcPVE) {
		e.version++
		e.guests[id] = conf{node: node, text: text, version: e.version, byHook: byHook, at: at}
	})
}

func (c *cluster) node(name string) *machine {
	i := slices.IndexFunc(c.nodes, func(n *machine) bool { return n.name == name })
	if i < 0 {
		return nil
	}
	return c.nodes[i]
}

// home is the node that a guest is on; nil: there is no such guest.
func (c *cluster) home(id pve.VMID) *machine { return c.node(c.truth.guests[id].node) }

// ids of all guests, sorted.
func (e *etcPVE) ids() []pve.VMID { return slices.Sorted(maps.Keys(e.guests)) }
