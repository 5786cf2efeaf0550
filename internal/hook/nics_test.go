package hook_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// twoNets are pools on two bridges: every NIC on vmbr0, and net1 and net2 on
// vmbr1, which has no router.
const twoNets = `pool: lan
	bridge vmbr0
	nics all
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.209

pool: storage
	bridge vmbr1
	nics net1,net2
	subnet 10.1.0.0/24
	gateway none
	range 10.1.0.50-10.1.0.59
`

// second gives the node vmbr1 on a LAN of its own, which it returns.
func (h *host) second() *host {
	h.t.Helper()
	p := *h
	p.lan = h.LAN()
	h.Must(h.node.AddBridge("vmbr1"))
	_, err := h.node.Uplink("vmbr1", "eno2", p.lan)
	h.Must(err)
	return &p
}

// nic is the line of one more interface; say is what it says of addresses.
func nic(id pve.VMID, n int, bridge, say string) string {
	mac := macOf(id)
	mac[4] = byte(n)
	return fmt.Sprintf("net%d: name=eth%d,bridge=%s,%shwaddr=%s,type=veth\n", n, n, bridge, say, mac)
}

func TestSeveralNICsAreLeasedTogether(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	h.second()
	h.gateway()
	conf := func(ip, gw, say1, say2 string) ct {
		return ct{id: 101, ip: ip, gw: gw, more: nic(101, 1, "vmbr1", say1) + say2 + nic(101, 3, "vmbr1", "ip=manual,")}
	}
	h.put(conf("manual", "", "ip=manual,", nic(101, 2, "vmbr0", "")))
	h.start(101).exits(hook.OK).
		says("CT 101 net0 has 10.0.0.200/24 via 10.0.0.1 from pool lan (lowest free address;", "nobody answered").
		says("CT 101 net1 has 10.1.0.50/24 from pool storage (lowest free address;", "nobody answered").
		says("CT 101 net2 has 10.0.0.201/24 from pool lan").
		says("warning: net2 gets no gateway, since net0 has the IPv4 default route; 'gateway none' in pool lan says so for good").
		says("CT 101 net3: no pool serves vmbr1 on pve1: left as it is")
	h.has(conf("10.0.0.200/24", "10.0.0.1", "ip=10.1.0.50/24,", strings.Replace(nic(101, 2, "vmbr0", ""), ",type", ",ip=10.0.0.201/24,type", 1)))
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.1.0.50 vmbr1 ct/101/net1 bound pool", "10.0.0.201 ct/101/net2 bound pool")
	// The next start has nothing to say about gateways, and nothing to write.
	ledger := h.stat(ledgerDir + "/ledger")
	h.start(101).exits(hook.OK).omits("gateway", "warning").says("net2 has 10.0.0.201/24", "its lease since")
	if now := h.stat(ledgerDir + "/ledger"); now.ModTime() != ledger.ModTime() {
		t.Error("the ledger was written again")
	}
	h.phase(101, "post-stop").exits(hook.OK).says("CT 101 stopped: 10.0.0.200").says("10.1.0.50").says("10.0.0.201")
	h.records("10.0.0.200 ct/101/net0 released pool", "10.1.0.50 vmbr1 ct/101/net1 released pool", "10.0.0.201 ct/101/net2 released pool")
}

// A conflict on one NIC that can't be moved keeps the config of all as it is.
func TestAllNICsOrNone(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	second := h.second()
	s := second.stranger("10.1.0.9")
	c := ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr1", "ip=10.1.0.9/24,")}
	h.put(c)
	h.start(101).exits(hook.Conflict).says("error: 10.1.0.9 of CT 101 is static, but "+s.MAC.String(), "port eno2", "give net1 another address").omits("has 10.0.0.200")
	h.has(c)
	second.silence(s)
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").says("CT 101 net1 has 10.1.0.9/24 (static")
}

// Each NIC that meets a stranger moves, the others stay.
func TestStrangerOnOneNetwork(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	second := h.second()
	s := second.script(lab.Script{}, "10.1.0.50")
	h.put(ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr1", "ip=manual,")})
	h.start(101).exits(hook.OK).
		says("warning: 10.1.0.50 is in use by "+s.MAC.String(), "port eno2): not leased").
		says("CT 101 net0 has 10.0.0.200/24").
		says("CT 101 net1 has 10.1.0.51/24 from pool storage (spare of 10.1.0.50, which is in use")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.1.0.50 vmbr1 conflicted "+s.MAC.String(), "10.1.0.51 vmbr1 ct/101/net1 bound pool")
}

// Two NICs of one network lose their addresses in one window, and at a pace that
// leaves the uplink room for it each has a spare of its own.
func TestBothNICsMoveInOneWindow(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(twoNets, "\tnics all\n", "\tnics all\n\tprobe fast\n", 1))
	h.script(lab.Script{}, "10.0.0.200")
	h.script(lab.Script{}, "10.0.0.201")
	h.put(ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr0", "")})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.202/24", "spare of 10.0.0.200").says("CT 101 net1 has 10.0.0.204/24", "spare of 10.0.0.201")
}

func TestPoolExhaustedForOneNIC(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(twoNets, "10.1.0.50-10.1.0.59", "10.1.0.50", 1))
	h.second()
	c := ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr1", "") + nic(101, 2, "vmbr1", "")}
	h.put(c)
	h.start(101).exits(hook.Exhausted).says(`error: pool "storage" has no free address`).says("10.1.0.50 is leased to CT 101 net1")
	h.has(c)
	h.records()
}

func TestDryRunOfSeveralNICs(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	h.second()
	h.put(ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr1", "")})
	before := h.everything()
	h.start(101, "--dry-run", "--explain").exits(hook.OK).
		says("10.1.0.50: new lease: lowest free address").
		says("dry run: CT 101 net0 would get 10.0.0.200/24 via 10.0.0.1 from pool lan").
		says("dry run: CT 101 net1 would get 10.1.0.50/24 from pool storage")
	if diff := gocmp.Diff(before, h.everything()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

// A broken pool stands in the way of the NICs that it names, and of no other.
func TestBrokenPoolOfSeveralNICs(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(twoNets, "gateway none", "gateway nope", 1))
	second := h.second()
	kept := ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr1", "ip=10.1.0.50/24,") + nic(101, 3, "vmbr1", "ip=manual,")}
	h.put(kept, ct{id: 102, ip: "manual", more: nic(102, 2, "vmbr1", "ip=manual,")})
	h.start(101).exits(hook.OK).
		says("warning: the pools can't be used", "CT 101 starts with 10.1.0.50/24 as net1 says").
		says("CT 101 net0 has 10.0.0.200/24").
		says("CT 101 net3: no pool serves vmbr1")
	h.start(102).exits(hook.Failed).says("error: the pools can't be used")
	second.script(lab.Script{}, "10.1.0.50")
	h.start(101).exits(hook.Conflict).says("10.1.0.50 of CT 101 is static, but")
}

// Without a pools file nothing says which NICs were managed; the ledger does.
func TestMissingPoolsFileOfSeveralNICs(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	second := h.second()
	h.put(ct{id: 101, ip: "dhcp", more: nic(101, 1, "vmbr1", "ip=manual,")})
	h.start(101).exits(hook.OK).says("CT 101 net1 has 10.1.0.50/24")
	h.Must(os.Remove(h.path(poolsPath)))
	// 102 is a clone of 101, and what 103 has on net1 is no lease.
	clone := ct{id: 102, ip: "dhcp", more: nic(102, 1, "vmbr1", "ip=10.1.0.50/24,")}
	h.put(clone, ct{id: 103, ip: "dhcp", more: nic(103, 1, "vmbr1", "ip=10.1.0.7/24,") + "net2: nonsense\n"})
	h.start(102).exits(hook.Failed).says("error: the pools can't be used", "CT 102 can't go on with 10.1.0.50: it is leased to CT 101")
	if conf := h.read(h.confPath(102)); conf != clone.String() {
		t.Errorf("the clone's config is %q now", conf)
	}
	h.Must(os.Remove(h.path(h.confPath(102))))
	h.start(103).exits(hook.OK).omits("10.1.0.7")
	h.start(101).exits(hook.OK).says("CT 101 starts with 10.1.0.50/24 as net1 says")
	second.script(lab.Script{}, "10.1.0.50")
	h.start(101).exits(hook.Conflict).says("10.1.0.50 of CT 101 is")
}

// With the ledger unreadable too nothing says what was leased: each address
// that the config names is asked for.
func TestMissingPoolsAndLedgerOfSeveralNICs(t *testing.T) {
	t.Parallel()
	h := newHost(t, twoNets)
	second := h.second()
	say := func(id pve.VMID) string {
		return nic(id, 1, "vmbr1", "ip=10.1.0.50/24,ip6=2001:db8::50/64,") + nic(id, 2, "vmbr9", "ip=10.9.0.1/24,") + nic(id, 3, "vmbr1", "ip=dhcp,ip6=auto,")
	}
	h.put(ct{id: 101, ip: "dhcp", more: say(101)})
	h.Must(os.Remove(h.path(poolsPath)))
	h.write(ledgerDir+"/ledger", "x")
	h.start(101).exits(hook.OK).
		says("warning: the pools can't be used", "CT 101 starts with DHCP as net0 says").
		says("warning: the pools can't be used", "CT 101 starts with 10.1.0.50/24 as net1 says: no other guest names it and nobody answers for it").
		says("CT 101 starts with 2001:db8::50/64 as net1 says: no other guest names it and nobody answers for it").
		says("CT 101 starts with 10.9.0.1/24 as net2 says: no other guest names it and the network can't tell whether somebody has it: ", "vmbr9").
		omits("net3")
	h.put(ct{id: 102, ip: "dhcp", more: say(102)})
	h.start(102).exits(hook.Failed).says("error: the pools can't be used", "CT 102 can't go on with 10.1.0.50: it is named by the config of CT 101")
	h.destroy(102)
	six := second.sixth("2001:db8::50/64")
	h.start(101).exits(hook.Conflict).says("error: 2001:db8::50 of CT 101 is", six.MAC, "port eno2", "give net1 another address")
	second.silence(six)
	four := second.stranger("10.1.0.50")
	h.start(101).exits(hook.Conflict).says("error: 10.1.0.50 of CT 101 is", four.MAC, "port eno2", "give net1 another address")
}

// What of a NIC is none of ours need not even be readable.
func TestNICThatIsNobodysBusinessMayBeBroken(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual", more: "net1: name=eth1,bridge=vmbr0,ip=nonsense\n"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24")
	h.pools(strings.Replace(lan, "bridge vmbr0", "bridge vmbr0\n\tnics all", 1))
	h.start(101).exits(hook.Failed).says("error: CT 101: net1", "nonsense")
}

// A NIC that isn't managed and has a gateway already keeps the only one.
func TestGatewayOfAnUnmanagedNIC(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual", more: nic(101, 1, "vmbr9", "gw=192.0.2.1,ip=192.0.2.9/24,")})
	h.start(101).exits(hook.OK).says("net0 gets no gateway, since another interface has the IPv4 default route")
	h.has(ct{id: 101, ip: "10.0.0.200/24", more: nic(101, 1, "vmbr9", "gw=192.0.2.1,ip=192.0.2.9/24,")})
}

// Several guests with several NICs at once get addresses of their own.
func TestCrowdOfSeveralNICs(t *testing.T) {
	t.Parallel()
	pools := strings.ReplaceAll(twoNets, "10.0.0.209", "10.0.0.249")
	h := newHost(t, pools)
	h.second()
	var all []*running
	for id := pve.VMID(101); id <= 108; id++ {
		h.put(ct{id: id, ip: "manual", more: nic(id, 1, "vmbr1", "") + nic(id, 2, "vmbr0", "")})
	}
	for id := pve.VMID(101); id <= 108; id++ {
		all = append(all, h.launch(h.command(program, h.call(id, "pre-start")...)))
	}
	for _, r := range all {
		r.wait().exits(hook.OK)
	}
	seen := map[netip.Addr]bool{}
	for k := range h.leases() {
		if seen[k.Addr] {
			t.Errorf("%s is leased twice", k.Addr)
		}
		seen[k.Addr] = true
	}
	if len(seen) != 24 {
		t.Errorf("%d addresses for 8 containers with 3 NICs", len(seen))
	}
}
