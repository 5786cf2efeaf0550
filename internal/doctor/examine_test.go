package doctor_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
	"pve-iplease/internal/doctor"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/pve"
)

// now is the time at which the doctor looks.
var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

var addr = netip.MustParseAddr

// healthy is a node of a cluster of two on which nothing is wrong.
func healthy() *doctor.Setup {
	table := lease.NewTable()
	table.Generation = 7
	table.Nodes = map[string]lease.NodeInfo{"pve1": {Version: "1.2.3"}, "pve2": {Version: "1.2.3"}}
	pools := []lease.Pool{{
		Name: "lan", Bridge: "vmbr0", Subnet: netip.MustParsePrefix("10.0.0.0/24"), Gateway: lease.Gateway{Addr: addr("10.0.0.1")},
		Ranges: []pve.Range{{First: addr("10.0.0.200"), Last: addr("10.0.0.239")}}, Hold: 24 * time.Hour,
	}}
	inventory := lease.Inventory{
		Complete: true, Uses: map[netip.Addr][]lease.Use{}, Never: map[netip.Addr]string{},
		Guests: map[pve.VMID]lease.Guest{
			101: {VMID: 101, Node: "pve1", Name: "web", Hooked: true},
			102: {VMID: 102, Node: "pve2", Name: "db", Hooked: true},
			200: {Kind: pve.VM, VMID: 200, Node: "pve1", Name: "tv"},
			900: {VMID: 900, Node: "pve1", Name: "golden", Template: true},
		},
	}
	return &doctor.Setup{
		Now: now, Node: "pve1", Version: "1.2.3", Program: "/usr/local/sbin/pve-iplease", Cluster: "prod",
		Nodes: []string{"pve1", "pve2"}, Members: []string{"pve1", "pve2"}, Inventory: inventory,
		File: "/etc/pve/pve-iplease/pools.cfg", Pools: pools, Table: table,
		Ledger: doctor.Store{
			Dir: "/etc/pve/priv/pve-iplease", Shared: true,
			Places: []ledger.Condition{{Name: "ledger.0", Bytes: 900, Limit: 1 << 20}, {Name: "ledger.1", Missing: true, Limit: 1 << 20, Err: errors.New("it is missing")}},
		},
		Scripts: []evidence.Script{
			{Volume: "local:snippets/pve-iplease", Node: "pve1", Path: "/var/lib/vz/snippets/pve-iplease", Guests: []pve.VMID{101}},
			{Volume: "local:snippets/pve-iplease", Node: "pve2", Path: "/var/lib/vz/snippets/pve-iplease", Guests: []pve.VMID{102}, Unseen: true},
		},
		Bridges: []doctor.Bridge{{Name: "vmbr0", Up: true, VLAN: true, Declared: []string{"eno1"}, Ports: []doctor.Port{{Name: "eno1", Carrier: true, Forwarding: true}}}},
		Clock:   doctor.Clock{Asked: true, Synced: true}, Rights: doctor.Rights{Root: true, NetRaw: true},
	}
}

// Of a whole directory that can't be read a few are named, and the rest counted.
func TestExamineManyUnread(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.Inventory.Unread = slices.Repeat([]lease.Unread{{What: "/x", Why: "EIO"}}, 9)
	var got []string
	for _, c := range doctor.Examine(s) {
		if c.About == "guests" {
			got = append(got, c.Text)
		}
	}
	if len(got) != 6 || got[5] != "and 4 more that can't be read" {
		t.Errorf("%q", got)
	}
}

func TestExamineHealthy(t *testing.T) {
	t.Parallel()
	var got []string
	for _, c := range doctor.Examine(healthy()) {
		got = append(got, fmt.Sprintf("%s %s: %s", c.Grade, c.About, c.Text))
	}
	want := []string{
		"ok cluster: /etc/pve can be written (cluster prod, 2 nodes)",
		"ok nodes: pve2 used the ledger with this version, 1.2.3",
		"ok hookscript: /var/lib/vz/snippets/pve-iplease is executable (1 guest)",
		"ok config: /etc/pve/pve-iplease/pools.cfg: 1 pool, 1 for this node; 0 reservations",
		"ok ledger: /etc/pve/priv/pve-iplease: 0 leases, generation 7, two slots, 1 of 1024 KiB used",
		"ok bridge: vmbr0, of pool lan: uplink eno1, VLAN-aware",
		"ok guests: 4 guests on all nodes, 2 with the hook",
		"ok files: nobody but root can change what root goes by",
		"ok rights: root, and may send ARP packets",
		"ok clock: nothing is wrong with it as far as can be told",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestExamine breaks one thing at a time and wants to hear of that alone, with
// what to do about it.
func TestExamine(t *testing.T) {
	t.Parallel()
	full := ledger.Condition{Name: "/etc/pve/priv/pve-iplease/ledger.0", Bytes: 900 << 10, Limit: 1 << 20}
	for name, c := range map[string]struct {
		hurt func(*doctor.Setup)
		want string // grade, about: a part of the text
		do   string // a part of what to do
	}{
		"not mounted": {
			func(s *doctor.Setup) {
				s.Mount, s.Ledger.Err, s.Table = "/etc/pve is not mounted", fmt.Errorf("%w: so", ledger.ErrUnmounted), nil
			},
			"error cluster: /etc/pve is not mounted: no guest can start", "systemctl restart pve-cluster",
		},
		"no quorum": {
			func(s *doctor.Setup) { s.Quorum = "the cluster has no quorum, and /etc/pve is read-only" },
			"error cluster: the cluster has no quorum, and /etc/pve is read-only: a guest that needs a new address can't start", "pvecm status",
		},
		"another version": {
			func(s *doctor.Setup) { s.Table.Nodes["pve2"] = lease.NodeInfo{Version: "1.1.0"} },
			"warning nodes: node pve2 last used the ledger with version 1.1.0, this program is 1.2.3", "ssh root@pve2 pve-iplease doctor",
		},
		"a node that was never heard of": {
			func(s *doctor.Setup) { delete(s.Table.Nodes, "pve2") },
			"warning nodes: node pve2 has never used the ledger: whether the hookscript is there can't be seen from here, and 1 guest there won't start without it",
			"ssh root@pve2 pve-iplease doctor",
		},
		"a node that left": {
			func(s *doctor.Setup) { s.Members = []string{"pve1"} },
			"warning nodes: node pve2 is no member of the cluster, but the configs of 1 guest are still there", "rm -r /etc/pve/nodes/pve2",
		},
		"no hookscript": {
			func(s *doctor.Setup) { s.Scripts[0].Problem = "is missing" },
			"error hookscript: /var/lib/vz/snippets/pve-iplease is missing: 1 guest can't start", "install -D -m 755 /usr/local/sbin/pve-iplease /var/lib/vz/snippets/pve-iplease",
		},
		"no hookscript where nobody needs it yet": {
			func(s *doctor.Setup) { s.Scripts[0].Problem, s.Scripts[0].Guests = "is missing", nil },
			"warning hookscript: /var/lib/vz/snippets/pve-iplease is missing: no guest that has it could start there", "install -D",
		},
		"not executable": {
			func(s *doctor.Setup) { s.Scripts[0].Problem = "is not executable" },
			"error hookscript: /var/lib/vz/snippets/pve-iplease is not executable: 1 guest can't start", "chmod 755 /var/lib/vz/snippets/pve-iplease",
		},
		"a storage that the other node lacks": {
			func(s *doctor.Setup) {
				s.Scripts[1] = evidence.Script{Volume: "nas:snippets/pve-iplease", Node: "pve2", Guests: []pve.VMID{102}, Problem: "is on storage nas, which the node doesn't have"}
			},
			"error hookscript: nas:snippets/pve-iplease on pve2 is on storage nas, which the node doesn't have: 1 guest can't start", "local:snippets/pve-iplease",
		},
		"a hookscript that others can write": {
			func(s *doctor.Setup) {
				s.Scripts[0].Trust = errors.New("/p: file is not trusted: others can write it (mode 0777); run 'chmod go-w /p'")
			},
			"error hookscript: /p: file is not trusted: others can write it (mode 0777)", "chmod go-w /p",
		},
		"another build": {
			func(s *doctor.Setup) { s.Scripts[0].Differs = true },
			"warning hookscript: /var/lib/vz/snippets/pve-iplease is another version or build than this program", "install -m 755",
		},
		"a broken pool": {
			func(s *doctor.Setup) {
				s.Problems = []config.Problem{{File: "pools.cfg", Line: 3, Section: "pool lan", Text: "bridge: is odd"}}
			},
			"error config: pools.cfg:3: pool lan: bridge: is odd", "",
		},
		"an unknown property": {
			func(s *doctor.Setup) {
				s.Problems = []config.Problem{{File: "pools.cfg", Line: 3, Text: "property x is unknown", Warning: true, Unknown: true}}
			},
			"error config: pools.cfg:3: property x is unknown", "",
		},
		"a mere warning": {
			func(s *doctor.Setup) {
				s.Problems = []config.Problem{{File: "pools.cfg", Line: 3, Text: "subnet has host bits", Warning: true}}
			},
			"warning config: pools.cfg:3: subnet has host bits", "",
		},
		"no pool": {
			func(s *doctor.Setup) { s.Pools, s.Bridges = nil, nil },
			"warning config: /etc/pve/pve-iplease/pools.cfg has no pool: nothing is leased", "write one",
		},
		"no pool here": {
			func(s *doctor.Setup) { s.Pools[0].Nodes, s.Bridges = []string{"pve2"}, nil },
			"warning config: none of the pools in /etc/pve/pve-iplease/pools.cfg serves node pve1", "nodes",
		},
		"a damaged ledger": {
			func(s *doctor.Setup) {
				s.Ledger.Err, s.Table = errors.New("the ledger is damaged; run 'pve-iplease repair'"), nil
			},
			"error ledger: the ledger is damaged", "pve-iplease repair",
		},
		"a damaged half": {
			func(s *doctor.Setup) {
				s.Ledger.Places[1] = ledger.Condition{Name: "ledger.1", Bytes: 9, Err: errors.New("ledger.1: the ledger is damaged")}
			},
			"warning ledger: one half of it is no ledger: ledger.1: the ledger is damaged; the other half counts", "the next change",
		},
		"nearly full": {
			func(s *doctor.Setup) { s.Ledger.Places[0] = full },
			"warning ledger: /etc/pve/priv/pve-iplease/ledger.0 has 900 of the 1024 KiB that Proxmox allows a file", "pve-iplease reclaim",
		},
		"a ledger of this node alone": {
			func(s *doctor.Setup) { s.Ledger.Dir, s.Ledger.Shared = "/var/lib/ours", false },
			"warning ledger: /var/lib/ours is this node's alone, and the cluster has 2 nodes", "node.cfg",
		},
		"a lock that was left": {
			func(s *doctor.Setup) { s.Ledger.Locked = 10 * time.Minute },
			"warning ledger: its lock, /etc/pve/priv/lock/pve-iplease, is 10 min old", "pve-iplease status",
		},
		"a damaged one that was kept": {
			func(s *doctor.Setup) { s.Ledger.Kept = []string{"ledger.0.bad-1"} },
			"warning ledger: 1 damaged ledger kept beside it", "rm /etc/pve/priv/pve-iplease/ledger*.bad-*",
		},
		"no bridge": {
			func(s *doctor.Setup) {
				s.Bridges[0] = doctor.Bridge{Name: "vmbr0", Missing: "there is no such device on this node"}
			},
			"error bridge: vmbr0, of pool lan, can't be used: there is no such device on this node", "'nodes'",
		},
		"a bridge that is down": {
			func(s *doctor.Setup) { s.Bridges[0].Up = false },
			"error bridge: vmbr0 is down", "ip link set vmbr0 up",
		},
		"an uplink that is missing": {
			func(s *doctor.Setup) { s.Bridges[0].Declared = []string{"eno1", "eno2"} },
			"error bridge: vmbr0 lacks its uplink eno2", "ifreload -a",
		},
		"no link": {
			func(s *doctor.Setup) { s.Bridges[0].Ports[0].Carrier = false },
			"error bridge: no uplink of vmbr0 has a link (eno1)", "cable",
		},
		"neigh_suppress": {
			func(s *doctor.Setup) { s.Bridges[0].Ports[0].Suppress = true },
			"warning bridge: vmbr0 keeps probes from port eno1 (neigh_suppress, as in EVPN zones), and has no address in the subnet", "give its vnet a subnet",
		},
		"spanning tree": {
			func(s *doctor.Setup) { s.Bridges[0].STP = true },
			"warning bridge: vmbr0 runs the spanning tree protocol: for up to 30 s", "bridge-stp off",
		},
		"spanning tree, with a VLAN": {
			func(s *doctor.Setup) { s.Bridges[0].STP, s.Pools[0].VLAN = true, 20 },
			"warning bridge: vmbr0 runs the spanning tree protocol: VLANs that the bridge itself is not in can't be asked", "bridge-stp off",
		},
		"a gateway that is silent": {
			func(s *doctor.Setup) {
				s.Gateways = []node.Gateway{{Bridge: "vmbr0", Addr: netip.MustParseAddr("10.0.0.1"), MAC: pve.MAC{2, 0, 0, 0, 0, 1}, Port: "eno1", Silent: time.Now(), Due: true}}
			},
			"warning gateway: 10.0.0.1 on vmbr0 is 02:00:00:00:00:01, on port eno1, and has been silent since ", "pve-iplease doctor --forget-gateways",
		},
		"configs that can't be read": {
			func(s *doctor.Setup) { s.Inventory.Complete = false },
			"warning guests: some guests' configs can't be read", "ls -l",
		},
		"a config that can't be read": {
			func(s *doctor.Setup) {
				s.Inventory.AddUnread(lease.Guest{VMID: 107, Node: "pve2"}, nil, lease.Unread{What: "/etc/pve/nodes/pve2/lxc/107.conf", Why: "input/output error", Known: true})
			},
			"warning guests: /etc/pve/nodes/pve2/lxc/107.conf can't be read (input/output error): what it last said counts", "ls -l /etc/pve/nodes/pve2/lxc/107.conf",
		},
		"a config of which nothing is known": {
			func(s *doctor.Setup) {
				s.Inventory.AddUnread(lease.Guest{VMID: 107, Node: "pve2"}, nil, lease.Unread{What: "/etc/pve/nodes/pve2/lxc/107.conf", Why: "permission denied"})
			},
			"warning guests: /etc/pve/nodes/pve2/lxc/107.conf can't be read (permission denied), and which addresses it names is not known: nothing new starts without a proof", "ls -l /etc/pve/nodes/pve2/lxc/107.conf",
		},
		"a list that can't be read": {
			func(s *doctor.Setup) {
				s.Inventory.Unread = []lease.Unread{{What: "the list of all guests", Why: "EIO", Known: true}}
			},
			"warning guests: the list of all guests can't be read (EIO): what it last said counts", "cat /etc/pve/.vmlist",
		},
		"SDN's file": {
			func(s *doctor.Setup) {
				s.Inventory.Unread = []lease.Unread{{Part: lease.SDNAddresses, What: "the IPAM file of Proxmox's SDN below /etc/pve", Why: "EIO"}}
			},
			"warning guests: the IPAM file of Proxmox's SDN below /etc/pve can't be read (EIO)", "ls -l /etc/pve/sdn/pve-ipam-state.json",
		},
		"the members": {
			func(s *doctor.Setup) {
				s.Inventory.Unread = []lease.Unread{{Part: lease.NodeAddresses, What: "the nodes' addresses in /etc/pve/.members", Why: "EIO"}}
			},
			"warning guests: the nodes' addresses in /etc/pve/.members can't be read", "cat /etc/pve/.members",
		},
		"this node's own addresses": {
			func(s *doctor.Setup) {
				s.Inventory.Unread = []lease.Unread{{Part: lease.OwnAddresses, What: "the list of this node's own addresses", Why: "no buffer space available"}}
			},
			"warning guests: the list of this node's own addresses can't be read (no buffer space available), and which addresses it names is not known: nothing new starts, and", "ip address",
		},
		"no config at all": {
			func(s *doctor.Setup) {
				s.Inventory, s.Unlisted = lease.Inventory{}, "open /etc/pve/nodes: input/output error"
			},
			"error guests: the guests' configs can't be read (open /etc/pve/nodes: input/output error): which", "ls -l /etc/pve/nodes/pve1",
		},
		"an unmanaged system": {
			func(s *doctor.Setup) { s.Plain = []pve.VMID{101} },
			"warning guests: CT 101 has the ostype unmanaged", "pct set 101 --ostype",
		},
		"a directory that others can write": {
			func(s *doctor.Setup) {
				s.Loose = []doctor.Loose{{Path: "/run/pve-iplease", Why: "can be written by others (mode 0777)", Run: "chmod go-w /run/pve-iplease"}}
			},
			"error files: /run/pve-iplease can be written by others (mode 0777)", "chmod go-w /run/pve-iplease",
		},
		"no rights": {
			func(s *doctor.Setup) { s.Rights = doctor.Rights{} },
			"error rights: this process may not send ARP packets", "root",
		},
		"not root": {
			func(s *doctor.Setup) { s.Rights.Root = false },
			"warning rights: this process is not root", "root",
		},
		"no NTP": {
			func(s *doctor.Setup) { s.Clock.Synced = false },
			"warning clock: nothing keeps this node's clock right", "chrony",
		},
		"a hardware clock that is off": {
			func(s *doctor.Setup) { s.Clock.RTC = -3 * time.Hour },
			"warning clock: the hardware clock is 3 h off", "hwclock --systohc",
		},
		"a node from the future": {
			func(s *doctor.Setup) {
				s.Table.Add(lease.Lease{Key: lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: addr("10.0.0.219")}, Owner: pve.Owner{VMID: 102}, Claim: lease.Claim{Node: "pve2", At: now.Add(time.Hour)}})
			},
			"warning clock: node pve2 took leases 60 min in the future", "timedatectl",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			c.hurt(s)
			var got, do []string
			for _, check := range doctor.Examine(s) {
				if check.Grade == evidence.OK {
					continue
				}
				got = append(got, fmt.Sprintf("%s %s: %s", check.Grade, check.About, check.Text))
				for _, step := range check.Do {
					do = append(append(do, step.How), step.Lines...)
				}
			}
			if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("found\n%s\nwant one, with %q", strings.Join(got, "\n"), c.want)
			}
			if all := strings.Join(do, "\n"); !strings.Contains(all, c.do) {
				t.Errorf("to do:\n%s\nwant %q in it", all, c.do)
			}
		})
	}
}

// What only looks like trouble.
func TestExamineCalmly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*doctor.Setup){
		"a bridge of Open vSwitch": func(s *doctor.Setup) {
			s.Bridges[0] = doctor.Bridge{Name: "vmbr0", Up: true, Switch: true}
		},
		"gateways that answer, or are gone": func(s *doctor.Setup) {
			s.Gateways = []node.Gateway{{Bridge: "vmbr0", Addr: netip.MustParseAddr("10.0.0.1"), Heard: time.Now()}, {Bridge: "vmbr0", Tag: 20, Addr: netip.MustParseAddr("10.0.0.1"), Silent: time.Now()}}
		},
		"a closed network": func(s *doctor.Setup) { s.Bridges[0].Ports, s.Bridges[0].Declared = nil, nil },
		"an EVPN zone with its gateway": func(s *doctor.Setup) {
			s.Bridges[0].Ports[0].Suppress, s.Bridges[0].Addrs = true, []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}
		},
		"uplinks by a pattern": func(s *doctor.Setup) { s.Bridges[0].Declared = []string{"regex", "en.*"} },
		"a lock that is held":  func(s *doctor.Setup) { s.Ledger.Locked = 5 * time.Second },
		"a clock a little off": func(s *doctor.Setup) { s.Clock.RTC = 20 * time.Second },
		"no ledger yet":        func(s *doctor.Setup) { s.Ledger.Places, s.Table = nil, lease.NewTable(); s.Nodes = s.Nodes[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			change(s)
			for _, check := range doctor.Examine(s) {
				if check.Grade != evidence.OK {
					t.Errorf("%s %s: %s", check.Grade, check.About, check.Text)
				}
			}
		})
	}
}
