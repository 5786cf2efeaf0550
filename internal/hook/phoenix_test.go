package hook_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// phoenix is what the project's files say of its guests.
type phoenix struct {
	LXC map[string]phoenixGuest `json:"lxc_configs"`
	VMs []phoenixGuest          `json:"vms"`
}

type phoenixGuest struct {
	VMID    int    `json:"vmid"`
	Name    string `json:"name"`
	MAC     string `json:"mac_address"`
	Network struct {
		Bridge string `json:"bridge"`
		IP     string `json:"ip"`
		GW     string `json:"gw"`
	} `json:"network_config"`
}

// newPhoenix makes a host of the project's own files: the hypervisor's, with a
// pool added, as pools file, and each guest's address in a config.
func newPhoenix(t *testing.T, pool string) (*host, map[string]bool) {
	t.Helper()
	h := newHost(t, "")
	h.settings("pools /usr/local/phoenix_hypervisor/etc/phoenix_hypervisor_config.json\n")
	config := strings.Replace(sample(t, "phoenix_hypervisor_config.json"), `"network": {`, `"network": { "ip_pools": [ `+pool+` ],`, 1)
	h.write("/usr/local/phoenix_hypervisor/etc/phoenix_hypervisor_config.json", config)
	var p phoenix
	h.Must(json.Unmarshal([]byte(sample(t, "phoenix_lxc_configs.json")), &p))
	h.Must(json.Unmarshal([]byte(sample(t, "phoenix_vm_configs.json")), &p))
	used := map[string]bool{}
	for id, g := range p.LXC {
		n, err := strconv.Atoi(id)
		h.Must(err)
		mac, err := pve.ParseMAC(g.MAC)
		h.Must(err)
		h.put(ct{id: pve.VMID(n), ip: g.Network.IP, gw: g.Network.GW, bridge: g.Network.Bridge, mac: mac})
		used[g.Network.IP] = true
	}
	for _, g := range p.VMs {
		h.vm(pve.VMID(g.VMID), fmt.Sprintf("ipconfig0: ip=%s,gw=%s", g.Network.IP, g.Network.GW))
		used[g.Network.IP] = true
	}
	return h, used
}

func sample(t *testing.T, name string) string {
	t.Helper()
	return readFile(t, filepath.Join("testdata", name))
}

// A pool of the whole network, whatever is in it.
const wholeNetwork = `{ "name": "lan", "bridge": "vmbr0", "subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "range": ["10.0.0.0/24"] }`

// A pool of what is in use, with one free address at its end.
const crowded = `{ "name": "lan", "bridge": "vmbr0", "subnet": "10.0.0.0/24", "gateway": "10.0.0.1",
	"range": ["10.0.0.10", "10.0.0.12-10.0.0.13", "10.0.0.102", "10.0.0.111", "10.0.0.141-10.0.0.142", "10.0.0.153", "10.0.0.155",
	"10.0.0.157", "10.0.0.200-10.0.0.201", "10.0.0.219-10.0.0.223"] }`

func TestPhoenixNewContainerGetsAnAddressThatNothingHas(t *testing.T) {
	t.Parallel()
	for name, pool := range map[string]string{
		"whole network": wholeNetwork,
		"by VMID":       strings.Replace(wholeNetwork, `"name"`, `"strategy": "vmid", "name"`, 1),
		"crowded":       crowded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, used := newPhoenix(t, pool)
			infrastructure := []string{"10.0.0.1", "10.0.0.10", "10.0.0.12", "10.0.0.13", "10.0.0.111", "10.0.0.153"}
			h.stranger(infrastructure...)
			h.put(ct{id: 920, ip: "manual"})
			h.start(920).exits(hook.OK).says("CT 920 net0 has 10.0.0.", "from pool lan")
			got := h.only(920).Addr
			if used[got.String()+"/24"] || slices.Contains(infrastructure, got.String()) {
				t.Errorf("CT 920 got %s, which is in use", got)
			}
			h.has(ct{id: 920, ip: got.String() + "/24", gw: "10.0.0.1"})
		})
	}
}

func TestPhoenixInfrastructureIsNeverLeased(t *testing.T) {
	t.Parallel()
	h, _ := newPhoenix(t, strings.Replace(crowded, "10.0.0.219-10.0.0.223", "10.0.0.220-10.0.0.223", 1))
	h.put(ct{id: 920, ip: "manual"})
	h.start(920, "--explain").exits(hook.OK).says("10.0.0.223/24").
		says("10.0.0.13 was passed over: it is named by network.").
		says("10.0.0.111 was passed over: it is named by ").
		says("10.0.0.153 was passed over: it is named by ").
		says("10.0.0.102 was passed over: it is named by the config of VM 1002 on pve1").
		says("10.0.0.220 was passed over: it is named by the config of CT 910 on pve1")
	h.put(ct{id: 921, ip: "manual"})
	h.start(921).exits(hook.Exhausted)
}

// The conflict that the project started with.
func TestPhoenixStrangerOn219IsNamedAndNeverLeased(t *testing.T) {
	t.Parallel()
	h, _ := newPhoenix(t, crowded)
	mac := pve.MAC{0x52, 0x54, 0, 0x67, 0x89, 0xc9}
	h.neighbour(mac, "10.0.0.219")
	h.put(ct{id: 920, ip: "manual"})
	h.start(920).exits(hook.OK).
		says("warning: 10.0.0.219 is in use by 52:54:00:67:89:C9 (QEMU, port eno1): not leased").
		says("CT 920 net0 has 10.0.0.223/24 via 10.0.0.1 from pool lan")
	h.has(ct{id: 920, ip: "10.0.0.223/24", gw: "10.0.0.1"})
	h.records("10.0.0.219 conflicted 52:54:00:67:89:C9", "10.0.0.223 ct/920/net0 bound pool")
	h.put(ct{id: 921, ip: "manual"})
	h.start(921).exits(hook.Exhausted).says("10.0.0.219 was seen in use by 52:54:00:67:89:C9")
}

// Their own containers keep what the files say, at their first start too.
func TestPhoenixContainersKeepTheirAddresses(t *testing.T) {
	t.Parallel()
	h, _ := newPhoenix(t, crowded)
	before := h.files("/etc/pve/nodes")
	for id, ip := range map[pve.VMID]string{900: "10.0.0.200", 910: "10.0.0.220", 101: "10.0.0.153", 802: "10.0.0.142"} {
		h.start(id).exits(hook.OK).says("net0 has " + ip + "/24 via 10.0.0.1")
		if got := h.only(id).Addr; got != netip.MustParseAddr(ip) {
			t.Errorf("CT %s has %s", id, got)
		}
	}
	if after := h.files("/etc/pve/nodes"); len(before) != len(after) {
		t.Error("files came or went")
	}
}
