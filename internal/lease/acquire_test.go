package lease_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

var now = time.Unix(1763758683, 0)

// lan is the pool of most tests: 10.0.0.200-10.0.0.209 behind 10.0.0.1.
func lan(edit ...func(*lease.Pool)) lease.Pool {
	p := lease.Pool{
		Name: "lan", Bridge: "vmbr0", Subnet: netip.MustParsePrefix("10.0.0.0/24"),
		Gateway:  lease.Gateway{Addr: ip("10.0.0.1")},
		Ranges:   []pve.Range{{First: ip("10.0.0.200"), Last: ip("10.0.0.209")}},
		Strategy: lease.First, Hold: 24 * time.Hour,
	}
	for _, e := range edit {
		e(&p)
	}
	return p
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func ct(id pve.VMID) pve.Owner { return pve.Owner{VMID: id} }

func mac(last byte) pve.MAC { return pve.MAC{0xbc, 0x24, 0x11, 0, 0, last} }

// scene is a world and a table in the making.
type scene struct {
	w lease.World
	t *lease.Table
}

// newScene has the pool lan and the guests 101 to 105, all with our hook.
func newScene(pools ...lease.Pool) *scene {
	if len(pools) == 0 {
		pools = []lease.Pool{lan()}
	}
	s := &scene{t: lease.NewTable(), w: lease.World{Now: now, Node: "pve1", Pools: pools, Alive: map[pve.VMID]bool{}}}
	s.w.Inventory = lease.Inventory{
		Guests: map[pve.VMID]lease.Guest{}, Uses: map[netip.Addr][]lease.Use{},
		Never: map[netip.Addr]string{}, Complete: true,
	}
	for id := pve.VMID(101); id <= 105; id++ {
		s.w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: "pve1", Hooked: true}
		s.w.Alive[id] = false
	}
	return s
}

// names lets a guest's config name an address.
func (s *scene) names(id pve.VMID, where lease.Where, addr string) *scene {
	s.w.Inventory.Uses[ip(addr)] = append(s.w.Inventory.Uses[ip(addr)],
		lease.Use{Addr: ip(addr), Owner: ct(id), Segment: pve.NewSegment("vmbr0", 0, "pve1"), Where: where})
	return s
}

// twins gives a guest the MAC of another.
func (s *scene) twins(id, of pve.VMID) *scene {
	g := s.w.Inventory.Guests[id]
	g.MACs = []pve.MAC{mac(byte(of))}
	s.w.Inventory.Guests[id] = g
	return s
}

// has gives a guest a lease.
func (s *scene) has(id pve.VMID, state lease.State, addr string, edit ...func(*lease.Lease)) *scene {
	l := lease.Lease{
		Key: lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: ip(addr)}, Owner: ct(id), State: state,
		Since: now.Add(-time.Hour), Claim: lease.Claim{ID: "old", Node: "pve1", Boot: "b1", At: now.Add(-time.Hour)},
		MAC: mac(byte(id)),
	}
	if state == lease.Conflicted {
		l.Owner, l.MAC = pve.Owner{}, pve.MAC{0x52, 0x54, 0, 0, 0, byte(id)}
	}
	for _, e := range edit {
		e(&l)
	}
	s.t.Add(l)
	return s
}

func ago(d time.Duration) func(*lease.Lease) {
	return func(l *lease.Lease) { l.Since = now.Add(-d) }
}

func origin(o lease.Origin) func(*lease.Lease) { return func(l *lease.Lease) { l.Origin = o } }

// want is guest id's net0 with the address that its config says, "" for none.
func want(id pve.VMID, current string) lease.Want {
	w := lease.Want{Owner: ct(id), MAC: mac(byte(id)), Bridge: "vmbr0"}
	if current != "" {
		w.Current, w.Gateway = netip.MustParsePrefix(current), ip("10.0.0.1")
	}
	return w
}

func (s *scene) acquire(w lease.Want) (lease.Grant, error) {
	claim := lease.Claim{ID: "new", Node: s.w.Node, Boot: "b1", Up: time.Minute, At: now}
	gs, err := s.t.Acquire(s.w, claim, []lease.Want{w})
	if err != nil {
		return lease.Grant{}, err
	}
	return gs[0], nil
}

func TestAcquire(t *testing.T) {
	t.Parallel()
	reserve := func(addr string, id pve.VMID) func(*scene) {
		return func(s *scene) {
			s.w.Reservations = append(s.w.Reservations, lease.Reservation{Addr: ip(addr), Owner: ct(id)})
		}
	}
	tests := []struct {
		name  string
		scene *scene
		with  func(*scene)
		want  lease.Want
		addr  string // granted, with its length
		how   lease.How
		twin  bool
		notes string // a part of the notes
		fails string // a part of the error
	}{
		{name: "no address: the lowest free one", scene: newScene(), want: want(101, ""), addr: "10.0.0.200/24"},
		{name: "own lease", scene: newScene().has(101, lease.Released, "10.0.0.205"), want: want(101, ""), addr: "10.0.0.205/24", how: lease.Renewed},
		{name: "own lease, named by net0", scene: newScene().has(101, lease.Bound, "10.0.0.205"), want: want(101, "10.0.0.205/24"), addr: "10.0.0.205/24", how: lease.Renewed},
		{name: "another's lease: clone", scene: newScene().has(102, lease.Bound, "10.0.0.205"), want: want(101, "10.0.0.205/24"), addr: "10.0.0.200/24", notes: "10.0.0.205, which net0 names, is leased to CT 102"},
		{name: "another's lease: rollback of one that has its own", scene: newScene().has(102, lease.Bound, "10.0.0.205").has(101, lease.Released, "10.0.0.206"), want: want(101, "10.0.0.205/24"), addr: "10.0.0.206/24", how: lease.Renewed},
		{name: "another's released lease: still his", scene: newScene().has(102, lease.Released, "10.0.0.205"), want: want(101, "10.0.0.205/24"), addr: "10.0.0.200/24"},
		{name: "in range, unknown", scene: newScene(), want: want(101, "10.0.0.207/24"), addr: "10.0.0.207/24", how: lease.Adopted},
		{name: "in range, unknown, with a wrong length", scene: newScene(), want: want(101, "10.0.0.207/16"), addr: "10.0.0.207/24", how: lease.Adopted},
		{name: "in range, named by another config too", scene: newScene().names(102, lease.Running, "10.0.0.207"), want: want(101, "10.0.0.207/24"), addr: "10.0.0.207/24", how: lease.Adopted, notes: "also is named by the config of CT 102 on pve1"},
		{name: "in range, named by a copy with the same MAC too", scene: newScene().names(102, lease.Running, "10.0.0.207").twins(102, 101), want: want(101, "10.0.0.207/24"), addr: "10.0.0.207/24", how: lease.Adopted, twin: true, notes: "also is named by the config of CT 102 on pve1"},
		{name: "static, named by a copy with the same MAC too", scene: newScene().names(102, lease.Running, "10.0.0.7").twins(102, 101), want: want(101, "10.0.0.7/24"), addr: "10.0.0.7/24", how: lease.Guarded, twin: true, notes: "also is named by the config of CT 102 on pve1"},
		{name: "in range, own lease elsewhere: the hand edit wins", scene: newScene().has(101, lease.Released, "10.0.0.205"), want: want(101, "10.0.0.207/24"), addr: "10.0.0.207/24", how: lease.Adopted},
		{name: "an edit that a crash left undone", scene: newScene().has(101, lease.Bound, "10.0.0.205", func(l *lease.Lease) { l.Was = ip("10.0.0.207") }), want: want(101, "10.0.0.207/24"), addr: "10.0.0.205/24", how: lease.Renewed},
		{name: "static outside every range", scene: newScene(), want: want(101, "10.0.0.50/24"), addr: "10.0.0.50/24", how: lease.Guarded},
		{name: "static on another subnet", scene: newScene(), want: want(101, "172.16.0.5/16"), addr: "172.16.0.5/16", how: lease.Guarded},
		{name: "static that another owns", scene: newScene().has(102, lease.Bound, "10.0.0.50", origin(lease.Static)), want: want(101, "10.0.0.50/24"), fails: "10.0.0.50 is static in the config of CT 101, but is leased to CT 102 since"},
		{name: "static that a stopped guest has too", scene: newScene().has(102, lease.Released, "10.0.0.50", origin(lease.Static)).names(102, lease.Running, "10.0.0.50"), want: want(101, "10.0.0.50/24"), fails: "but is kept for CT 102, stopped since"},
		{name: "static that a stopped guest gave up", scene: newScene().has(102, lease.Released, "10.0.0.50", origin(lease.Static)), want: want(101, "10.0.0.50/24"), addr: "10.0.0.50/24", how: lease.Guarded},
		{name: "static that another has by a pool it was in", scene: newScene().has(102, lease.Bound, "10.0.0.50").has(101, lease.Bound, "10.0.0.205"), want: want(101, "10.0.0.50/24"), fails: "but is leased to CT 102 since"},
		{name: "static that is reserved for another", scene: newScene(), with: reserve("10.0.0.50", 102), want: want(101, "10.0.0.50/24"), fails: "but is reserved for CT 102"},
		{name: "static taken back", scene: newScene().has(101, lease.Bound, "10.0.0.50", origin(lease.Static)), want: want(101, ""), addr: "10.0.0.200/24"},
		{name: "static that is this node's", scene: newScene(), with: func(s *scene) { s.w.Inventory.Never[ip("10.0.0.13")] = "an address of this node" }, want: want(101, "10.0.0.13/24"), fails: "10.0.0.13 is an address of this node"},
		{name: "shrunk pool", scene: newScene().has(101, lease.Released, "10.0.0.150"), want: want(101, "10.0.0.150/24"), addr: "10.0.0.150/24", how: lease.Renewed, notes: "outside the ranges"},
		{name: "pool moved to another subnet", scene: newScene().has(101, lease.Released, "10.9.0.150"), want: want(101, "10.9.0.150/24"), addr: "10.0.0.200/24", notes: "no pool's subnet any more"},
		{name: "reserved", scene: newScene(), with: reserve("10.0.0.201", 101), want: want(101, ""), addr: "10.0.0.201/24", how: lease.Pinned},
		{name: "reserved outside the range", scene: newScene(), with: reserve("10.0.0.20", 101), want: want(101, ""), addr: "10.0.0.20/24", how: lease.Pinned},
		{name: "reserved beats the lease", scene: newScene().has(101, lease.Released, "10.0.0.205"), with: reserve("10.0.0.201", 101), want: want(101, "10.0.0.205/24"), addr: "10.0.0.201/24", how: lease.Pinned},
		{name: "reserved for another", scene: newScene(), with: reserve("10.0.0.200", 102), want: want(101, ""), addr: "10.0.0.201/24"},
		{name: "own lease reserved for another", scene: newScene().has(101, lease.Released, "10.0.0.205"), with: reserve("10.0.0.205", 102), want: want(101, "10.0.0.205/24"), addr: "10.0.0.200/24", notes: "is reserved for CT 102"},
		{name: "reserved, but another lives there", scene: newScene().has(102, lease.Bound, "10.0.0.201"), with: reserve("10.0.0.201", 101), want: want(101, ""), fails: "is reserved for CT 101 but is leased to CT 102"},
		{name: "reserved, kept for a stopped guest", scene: newScene().has(102, lease.Released, "10.0.0.201").names(102, lease.Running, "10.0.0.201"), with: reserve("10.0.0.201", 101), want: want(101, ""), addr: "10.0.0.201/24", how: lease.Pinned},
		{name: "reserved, but named by a guest that never asks", scene: newScene().names(102, lease.Running, "10.0.0.201"), with: reserve("10.0.0.201", 101), want: want(101, ""), fails: "named by the config of CT 102"},
		{name: "config of another", scene: newScene().names(102, lease.Running, "10.0.0.200").names(103, lease.Pending, "10.0.0.201"), want: want(101, ""), addr: "10.0.0.202/24"},
		{name: "config of a template", scene: newScene().names(102, lease.Running, "10.0.0.200"), with: func(s *scene) { s.w.Inventory.Guests[102] = lease.Guest{VMID: 102, Template: true} }, want: want(101, ""), addr: "10.0.0.200/24"},
		{name: "config on another bridge", scene: newScene(), with: func(s *scene) {
			s.w.Inventory.Uses[ip("10.0.0.200")] = []lease.Use{{Addr: ip("10.0.0.200"), Owner: ct(102), Segment: pve.NewSegment("vmbr1", 0, "pve1")}}
		}, want: want(101, ""), addr: "10.0.0.200/24"},
		{name: "config whose bridge is unknown", scene: newScene(), with: func(s *scene) {
			s.w.Inventory.Uses[ip("10.0.0.200")] = []lease.Use{{Addr: ip("10.0.0.200"), Owner: ct(102)}}
		}, want: want(101, ""), addr: "10.0.0.201/24"},
		{name: "named by a snapshot: used last", scene: newScene().names(102, lease.Snapshot, "10.0.0.200"), want: want(101, ""), addr: "10.0.0.201/24"},
		{name: "infrastructure is not leased", scene: newScene(), with: func(s *scene) { s.w.Named = map[netip.Addr]string{ip("10.0.0.200"): "network.nfs_server"} }, want: want(101, ""), addr: "10.0.0.201/24"},
		{name: "infrastructure that a guest's config is", scene: newScene(), with: func(s *scene) { s.w.Named = map[netip.Addr]string{ip("10.0.0.203"): "network.nfs_server"} }, want: want(101, "10.0.0.203/24"), addr: "10.0.0.203/24", how: lease.Adopted},
		{name: "a stranger within the hour", scene: newScene().has(1, lease.Conflicted, "10.0.0.200", ago(30*time.Minute)), want: want(101, ""), addr: "10.0.0.201/24"},
		{name: "network and broadcast address", scene: newScene(lan(func(p *lease.Pool) {
			p.Subnet = netip.MustParsePrefix("10.0.0.200/29")
			p.Ranges = []pve.Range{{First: ip("10.0.0.200"), Last: ip("10.0.0.207")}}
			p.Gateway = lease.Gateway{Addr: ip("10.0.0.201")}
		})), want: want(101, ""), addr: "10.0.0.202/29"},
		{name: "vmid: the same number in the subnet", scene: newScene(lan(func(p *lease.Pool) {
			p.Strategy = lease.ByVMID
			p.Ranges = []pve.Range{{First: ip("10.0.0.100"), Last: ip("10.0.0.199")}}
		})), want: want(105, ""), addr: "10.0.0.105/24"},
		{name: "vmid: counted round the pool", scene: newScene(lan(func(p *lease.Pool) { p.Strategy = lease.ByVMID })), want: want(103, ""), addr: "10.0.0.203/24"},
		{name: "excluded", scene: newScene(lan(func(p *lease.Pool) { p.Excludes = []pve.Range{{First: ip("10.0.0.200"), Last: ip("10.0.0.204")}} })), want: want(101, ""), addr: "10.0.0.205/24"},
		{name: "no pool for the bridge", scene: newScene(lan(func(p *lease.Pool) { p.Bridge = "vmbr7" })), want: want(101, ""), fails: "no pool serves"},
		{name: "no pool for the node", scene: newScene(lan(func(p *lease.Pool) { p.Nodes = []string{"pve2"} })), want: want(101, ""), fails: "no pool serves"},
		{name: "same bridge, another network on another node", scene: newScene(
			lan(func(p *lease.Pool) { p.Nodes = []string{"pve1"} }),
			lan(func(p *lease.Pool) { p.Name, p.Nodes = "other", []string{"pve2"} })).
			has(102, lease.Bound, "10.0.0.200", func(l *lease.Lease) { l.Segment = pve.NewSegment("vmbr0", 0, "pve2") }), want: want(101, ""), addr: "10.0.0.200/24"},
		{name: "closed bridge: a network of this node alone", scene: newScene().has(102, lease.Bound, "10.0.0.200", func(l *lease.Lease) { l.Segment = pve.NewSegment("vmbr0", 0, "pve2") }), want: func() lease.Want { w := want(101, ""); w.Closed = true; return w }(), addr: "10.0.0.200/24"},
		{name: "renumber", scene: newScene().has(101, lease.Released, "10.0.0.200"), want: func() lease.Want { w := want(101, "10.0.0.200/24"); w.Move = true; return w }(), addr: "10.0.0.201/24"},
		{name: "the second pool of a segment takes over", scene: newScene(
			lan(func(p *lease.Pool) { p.Ranges[0].Last = ip("10.0.0.200") }),
			lan(func(p *lease.Pool) { p.Name = "more"; p.Ranges[0].First = ip("10.0.0.205") })).has(102, lease.Bound, "10.0.0.200"), want: want(101, ""), addr: "10.0.0.205/24", notes: `pool "lan" has no free address`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.with != nil {
				tt.with(tt.scene)
			}
			g, err := tt.scene.acquire(tt.want)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("error %v, want one with %q", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if g.Address.String() != tt.addr || g.How != tt.how || g.DuplicateMAC != tt.twin {
				t.Errorf("granted %s (%s, twin %t), want %s (%s, twin %t)", g.Address, g.How, g.DuplicateMAC, tt.addr, tt.how, tt.twin)
			}
			if notes := strings.Join(g.Notes, "; "); !strings.Contains(notes, tt.notes) {
				t.Errorf("notes %q lack %q", notes, tt.notes)
			}
			if own := tt.scene.t.Of(tt.want.Owner); len(own) != 1 || own[0].Addr != g.Address.Addr() || own[0].State != lease.Bound {
				t.Errorf("ledger has %+v for the owner, want one bound lease of %s", own, g.Address)
			}
		})
	}
}

// TestAcquireOrder empties a pool and sees in which order the rest is used.
func TestAcquireOrder(t *testing.T) {
	t.Parallel()
	s := newScene(lan(func(p *lease.Pool) { p.Ranges[0].Last = ip("10.0.0.206") })).
		names(105, lease.Snapshot, "10.0.0.200").
		has(1, lease.Conflicted, "10.0.0.201", ago(2*time.Hour)).
		has(2, lease.Conflicted, "10.0.0.202", ago(time.Minute)).
		has(104, lease.Released, "10.0.0.203", ago(25*time.Hour), func(l *lease.Lease) { l.Gen = 9 }).
		has(103, lease.Released, "10.0.0.204", ago(26*time.Hour), func(l *lease.Lease) { l.Gen = 7 }).
		has(102, lease.Released, "10.0.0.205", ago(time.Hour))
	s.t.Generation = 20
	wants := []string{"10.0.0.206", "10.0.0.200", "10.0.0.204", "10.0.0.203", "10.0.0.201", "10.0.0.202"}
	var got []string
	for id := pve.VMID(200); ; id++ {
		s.w.Inventory.Guests[id] = lease.Guest{VMID: id, Hooked: true}
		g, err := s.acquire(want(id, ""))
		var full *lease.ExhaustedError
		if errors.As(err, &full) {
			if len(full.Holders) != 7 || !strings.Contains(full.Error(), "all 7 are in use") {
				t.Errorf("exhausted: %v, holders %v", full, full.Holders)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g.Lease.Addr.String())
	}
	if diff := cmp.Diff(wants, got); diff != "" {
		t.Error("order (-want +got):", diff)
	}
}

// TestHold keeps a stopped guest's address for as long as the pool says.
func TestHold(t *testing.T) {
	t.Parallel()
	one := func(hold time.Duration) lease.Pool {
		return lan(func(p *lease.Pool) { p.Ranges[0].Last = p.Ranges[0].First; p.Hold = hold })
	}
	tests := []struct {
		name  string
		scene *scene
		free  bool
	}{
		{"bound", newScene(one(time.Hour)).has(102, lease.Bound, "10.0.0.200", ago(48*time.Hour)), false},
		{"within the hold", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(59*time.Minute)), false},
		{"over", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(time.Hour)), true},
		{"over, and its config still names it", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(time.Hour)).names(102, lease.Running, "10.0.0.200"), true},
		{"over, but another config names it", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(time.Hour)).names(103, lease.Running, "10.0.0.200"), false},
		{"a stamp from the future counts as now", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(-48*time.Hour)), false},
		{"for ever", newScene(one(lease.Forever)).has(102, lease.Released, "10.0.0.200", ago(1e5*time.Hour)), false},
		{"static", newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(48*time.Hour), origin(lease.Static)), false},
		{"released by hand", newScene(one(lease.Forever)).has(102, lease.Released, "10.0.0.200", func(l *lease.Lease) { l.Freed = true }), true},
		{"offered", newScene(one(time.Hour)).has(102, lease.Offered, "10.0.0.200", func(l *lease.Lease) { l.Until = now.Add(time.Second) }), false},
		{"offer over", newScene(one(time.Hour)).has(102, lease.Offered, "10.0.0.200", func(l *lease.Lease) { l.Until = now }), true},
		{"guest unknown to all nodes for a day", newScene(one(lease.Forever)).has(900, lease.Bound, "10.0.0.200", func(l *lease.Lease) { l.Missing = now.Add(-24 * time.Hour) }), true},
		{"guest unknown for less", newScene(one(lease.Forever)).has(900, lease.Bound, "10.0.0.200", func(l *lease.Lease) { l.Missing = now.Add(-23 * time.Hour) }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.scene.acquire(want(101, ""))
			if (err == nil) != tt.free {
				t.Errorf("acquire: %v, want free: %v", err, tt.free)
			}
		})
	}
	t.Run("over, named by a guest without our hook", func(t *testing.T) {
		t.Parallel()
		s := newScene(one(time.Hour)).has(102, lease.Released, "10.0.0.200", ago(time.Hour)).names(102, lease.Running, "10.0.0.200")
		s.w.Inventory.Guests[102] = lease.Guest{VMID: 102}
		if _, err := s.acquire(want(101, "")); err == nil {
			t.Error("leased an address that its guest would use again without asking")
		}
	})
	t.Run("an incomplete inventory calls no guest gone", func(t *testing.T) {
		t.Parallel()
		s := newScene(one(lease.Forever)).has(900, lease.Bound, "10.0.0.200", func(l *lease.Lease) { l.Missing = now.Add(-48 * time.Hour) })
		s.w.Inventory.Complete = false
		if _, err := s.acquire(want(101, "")); err == nil {
			t.Error("leased the address of a guest that may exist")
		}
	})
}

func TestGateway(t *testing.T) {
	t.Parallel()
	with := func(g lease.Gateway) lease.Pool { return lan(func(p *lease.Pool) { p.Gateway = g }) }
	tests := []struct {
		name    string
		pool    lease.Pool
		current string
		gw      string
		want    string
	}{
		{"written", lan(), "", "", "10.0.0.1"},
		{"brought up to date", lan(), "10.0.0.205/24", "10.0.0.9", "10.0.0.1"},
		{"none: removed", with(lease.Gateway{None: true}), "10.0.0.205/24", "10.0.0.1", ""},
		{"not set: one inside the subnet is kept", with(lease.Gateway{}), "10.0.0.205/24", "10.0.0.9", "10.0.0.9"},
		{"not set: one outside is removed", with(lease.Gateway{}), "10.0.0.205/24", "10.7.0.1", ""},
		{"static: untouched", lan(), "10.0.0.50/24", "10.7.0.1", "10.7.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := want(101, tt.current)
			w.Gateway = netip.Addr{}
			if tt.gw != "" {
				w.Gateway = ip(tt.gw)
			}
			g, err := newScene(tt.pool).acquire(w)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if g.Gateway.IsValid() {
				got = g.Gateway.String()
			}
			if got != tt.want {
				t.Errorf("gateway %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRenewalWritesNothing: a lease that is bound on this boot already keeps
// its record, claim and time.
func TestRenewalWritesNothing(t *testing.T) {
	t.Parallel()
	s := newScene().has(101, lease.Bound, "10.0.0.205")
	g, err := s.acquire(want(101, "10.0.0.205/24"))
	if err != nil {
		t.Fatal(err)
	}
	if s.t.Changed() || g.Lease.Claim.ID != "old" || !g.Keeps() {
		t.Errorf("changed %v, claim %q, keeps %v; want an untouched record", s.t.Changed(), g.Lease.Claim.ID, g.Keeps())
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	claim := func(node, boot string, up time.Duration) func(*lease.Lease) {
		return func(l *lease.Lease) { l.Claim = lease.Claim{ID: "c", Node: node, Boot: boot, Up: up} }
	}
	tests := []struct {
		name  string
		claim func(*lease.Lease)
		kept  string
	}{
		{"claimed before the run began", claim("pve1", "b1", time.Minute), ""},
		{"another node's", claim("pve2", "b1", time.Minute), "claimed by node pve2"},
		{"before the last boot", claim("pve1", "b0", time.Minute), "before this node's last boot"},
		{"for the next run", claim("pve1", "b1", time.Hour), "for a later start"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene().has(101, lease.Bound, "10.0.0.205", tt.claim).has(102, lease.Bound, "10.0.0.206")
			released, kept := s.t.Stopped(lease.Run{VMID: 101, Node: "pve1", Boot: "b1", Started: 2 * time.Minute, Now: now})
			if tt.kept == "" {
				if len(released) != 1 || s.t.Of(ct(101))[0].State != lease.Released || !s.t.Of(ct(101))[0].Since.Equal(now) {
					t.Errorf("released %v, ledger %+v", released, s.t.Of(ct(101)))
				}
			} else if len(kept) != 1 || !strings.Contains(kept[0].Why, tt.kept) || s.t.Changed() {
				t.Errorf("kept %v, changed %v, want %q", kept, s.t.Changed(), tt.kept)
			}
			if s.t.Of(ct(102))[0].State != lease.Bound {
				t.Error("another guest's lease was touched")
			}
		})
	}
}
