package hook_test

import (
	"fmt"
	"strings"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
)

// section writes a pool of vmbr0 with other ranges.
func section(name string, more ...string) string {
	head := fmt.Sprintf("pool: %s\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\tgateway 10.0.0.1\n", name)
	for _, line := range more {
		head += "\t" + line + "\n"
	}
	return head + "\n"
}

// Which address a new container gets.
func TestFirstAddressOfAPool(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pools string
		want  string
		says  string
	}{
		"lowest of several ranges":  {section("lan", "range 10.0.0.210-10.0.0.219", "range 10.0.0.200,10.0.0.205"), "10.0.0.200", "lowest free address"},
		"single address":            {section("lan", "range 10.0.0.77"), "10.0.0.77", "lowest free address"},
		"CIDR":                      {section("lan", "range 10.0.0.64/28"), "10.0.0.64", "lowest free address"},
		"excluded":                  {section("lan", "range 10.0.0.200-10.0.0.209", "exclude 10.0.0.200-10.0.0.202", "exclude 10.0.0.203"), "10.0.0.204", "lowest free address"},
		"not the network's own":     {section("lan", "range 10.0.0.0/24", "exclude 10.0.0.2-10.0.0.9"), "10.0.0.10", "lowest free address"},
		"not the broadcast address": {section("lan", "range 10.0.0.254-10.0.0.255", "strategy vmid"), "10.0.0.254", "from the VMID on"},
		"strategy vmid":             {section("lan", "range 10.0.0.0/24", "strategy vmid"), "10.0.0.101", "from the VMID on"},
		"strategy vmid, out of it":  {section("lan", "range 10.0.0.200-10.0.0.209", "strategy vmid"), "10.0.0.201", "from the VMID on"},
		"reserved for others":       {section("lan", "range 10.0.0.200-10.0.0.209") + "reservation: 10.0.0.200\n\tguest 102\n\nreservation: 10.0.0.201\n", "10.0.0.202", "lowest free address"},
		"reserved for it":           {section("lan", "range 10.0.0.200-10.0.0.209") + "reservation: 10.0.0.207\n\tguest 101\n", "10.0.0.207", "reserved for CT 101"},
		"reserved out of range":     {section("lan", "range 10.0.0.200-10.0.0.209") + "reservation: 10.0.0.50\n\tguest ct/101/net0\n", "10.0.0.50", "reserved for CT 101"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK).says("CT 101 net0 has "+c.want+"/24 via 10.0.0.1 from pool lan", c.says)
			h.has(ct{id: 101, ip: c.want + "/24", gw: "10.0.0.1"})
		})
	}
}

func TestStrategySpreadSpreads(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.128/25", "strategy spread"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("first free address from the owner's hash on")
	h.start(102).exits(hook.OK).says("first free address from the owner's hash on")
	a, b := h.only(101), h.only(102)
	if b.Addr == a.Addr.Next() || a.Addr == b.Addr.Next() {
		t.Errorf("the guests are neighbours: %s and %s", a.Addr, b.Addr)
	}
	h.rewrite(func(*lease.Lease) bool { return false })
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	if again := h.only(101); again.Addr != a.Addr {
		t.Errorf("a guest without history got %s and then %s", a.Addr, again.Addr)
	}
}

func TestReservationBeatsALease(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.pools(lan + "\nreservation: 10.0.0.209\n\tguest 101\n")
	h.start(101).exits(hook.OK).says("10.0.0.209/24", "reserved for CT 101")
	h.has(ct{id: 101, ip: "10.0.0.209/24", gw: "10.0.0.1"})
	h.records("10.0.0.209 ct/101/net0 bound reserved")
}

func TestReservationOfAnAddressThatALivingGuestHasIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.pools(lan + "\nreservation: 10.0.0.200\n\tguest 102\n")
	h.start(102).exits(hook.Conflict).says("error: 10.0.0.200 is reserved for CT 102 but is leased to CT 101", "pve-iplease renumber 101")
	h.has(ct{id: 102, ip: "manual"})
	// Whoever had it makes room at its own next start.
	h.start(101).exits(hook.OK).says("10.0.0.200", "is reserved for CT 102").says("CT 101 net0 has 10.0.0.201/24")
	h.start(102).exits(hook.OK).says("CT 102 net0 has 10.0.0.200/24")
	h.records("10.0.0.200 ct/102/net0 bound reserved", "10.0.0.201 ct/101/net0 bound pool")
}

func TestAddressInNet0ThatIsReservedForAnotherIsNotAdopted(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\nreservation: 10.0.0.205\n\tguest 102\n\nreservation: 10.0.0.206\n")
	h.put(ct{id: 101, ip: "10.0.0.205/24"}, ct{id: 103, ip: "10.0.0.206/24"})
	h.start(101).exits(hook.OK).says("10.0.0.205, which net0 names, is reserved for CT 102").says("CT 101 net0 has 10.0.0.200/24")
	h.start(103).exits(hook.OK).says("10.0.0.206, which net0 names, is reserved").says("CT 103 net0 has 10.0.0.201/24")
}

func TestSecondPoolOfTheNetworkIsUsedWhenTheFirstIsFull(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("small", "range 10.0.0.200")+section("large", "range 10.0.0.210-10.0.0.219"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200/24", "from pool small")
	h.start(102).exits(hook.OK).says(`warning: pool "small" has no free address`).says("10.0.0.210/24", "from pool large")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.210 ct/102/net0 bound pool")
}

func TestPoolsOfTwoBridgesHaveAddressesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\n"+strings.NewReplacer("pool: lan", "pool: dmz", "vmbr0", "vmbr1").Replace(lan))
	h.Must(h.node.AddBridge("vmbr1"))
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual", bridge: "vmbr1"})
	h.start(101).exits(hook.OK).says("10.0.0.200/24", "from pool lan")
	h.start(102).exits(hook.OK).says("10.0.0.200/24", "from pool dmz", "nobody has it on this closed network")
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.200 vmbr1@pve1 ct/102/net0 bound pool")
}

func TestNodesTellNetworksOfOneBridgeNameApart(t *testing.T) {
	t.Parallel()
	one := newHost(t, section("one", "nodes pve1", "range 10.0.0.200-10.0.0.209")+section("two", "nodes pve2", "range 10.0.0.200-10.0.0.209"))
	two := one.peer("pve2", one.LAN())
	one.put(ct{id: 101, ip: "manual"})
	two.put(ct{id: 102, ip: "manual"})
	one.start(101).exits(hook.OK).says("10.0.0.200/24", "from pool one")
	two.start(102).exits(hook.OK).says("10.0.0.200/24", "from pool two")
	one.records("10.0.0.200 vmbr0@pve1 ct/101/net0 bound pool", "10.0.0.200 vmbr0@pve2 ct/102/net0 bound pool")
}

func TestNodesOfOneNetworkShareAPool(t *testing.T) {
	t.Parallel()
	one := newHost(t, lan)
	two := one.peer("pve2", one.lan)
	one.put(ct{id: 101, ip: "manual"})
	two.put(ct{id: 102, ip: "manual"})
	one.start(101).exits(hook.OK).says("10.0.0.200/24")
	two.start(102).exits(hook.OK).says("10.0.0.201/24")
	two.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

func TestPoolOfOtherNodesServesNobodyHere(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "nodes pve2,pve3", "range 10.0.0.200-10.0.0.209"))
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("no pool serves vmbr0 on pve1")
	h.has(ct{id: 101, ip: "manual"})
	h.records()
}

func TestAddressesOfTheNodesAreNobodysToLease(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.Must(h.node.AddAddr("vmbr0", prefix("10.0.0.200/24")))
	h.Must(h.node.AddAddr("lo", prefix("10.0.0.201/32")))
	h.write("/etc/pve/.members", `{"nodename":"pve1","cluster":{"name":"c"},"nodelist":{"pve1":{"ip":"10.0.0.202"},"pve2":{"ip":"10.0.0.203"}}}`)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.200/24"}, ct{id: 103, ip: "10.0.0.203/24"})
	h.start(101, "--explain").exits(hook.OK).
		says("10.0.0.200 was passed over: it is an address of this node").
		says("10.0.0.203 was passed over: it is an address of node pve2").
		says("10.0.0.204/24")
	h.start(102).exits(hook.Conflict).says("error: 10.0.0.200 is an address of this node", "ip=manual")
	h.start(103).exits(hook.Conflict).says("error: 10.0.0.203 is an address of node pve2")
}
