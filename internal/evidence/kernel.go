package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Kernel is what this node's kernel has learnt of its networks.
type Kernel struct {
	Bridges    []string
	Own        map[pve.MAC]string // this node's own devices, by MAC address
	Neighbours []Neighbour
	Stations   []Station
}

// Neighbour is an entry of the neighbour table: who the kernel itself talked to.
type Neighbour struct {
	Addr   netip.Addr
	MAC    pve.MAC
	Device string
	Seen   time.Duration // since it was confirmed to be true
}

// Station is an entry of a bridge's forwarding table: behind which port a host
// sits.
type Station struct {
	MAC    pve.MAC
	Bridge string
	Port   string
	VLAN   int           // 0: the bridge knows no VLANs
	Seen   time.Duration // since it was heard
}

// LookAtKernel asks the kernel, in the network namespace of the calling thread.
func LookAtKernel() (Kernel, error) {
	devices, err := ListDevices("")
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{Own: map[pve.MAC]string{}}
	names, masters := map[int]string{}, map[int]int{}
	for _, d := range devices {
		names[d.Index], masters[d.Index] = d.Name, d.Master
		if d.Kind == "bridge" {
			k.Bridges = append(k.Bridges, d.Name)
		}
		if len(d.Hardware) == 6 {
			k.Own[pve.MAC(d.Hardware)] = d.Name
		}
	}
	return k, errors.Join(k.readNeighbours(names), k.readStations(names, masters))
}

// GlanceAtKernel is LookAtKernel for what says where to ask: the bridges, and
// the neighbours on them. On a host with hundreds of guests the rest takes 20
// times as long.
func GlanceAtKernel() (Kernel, error) {
	bridges, err := ListDevices("bridge")
	if err != nil {
		return Kernel{}, err
	}
	var k Kernel
	names := map[int]string{}
	for _, d := range bridges {
		names[d.Index], k.Bridges = d.Name, append(k.Bridges, d.Name)
	}
	return k, k.readNeighbours(names)
}

// readNeighbours reads the neighbour tables of IPv4 and IPv6. Entries without
// a MAC address are questions that nobody answered.
func (k *Kernel) readNeighbours(names map[int]string) error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		entries, err := netlink.NeighListExecute(netlink.Ndmsg{Family: family})
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("neighbour table: %w", err)
		}
		for _, n := range entries {
			a, ok := netip.AddrFromSlice(n.IP)
			if !ok || len(n.HardwareAddr) != 6 || n.State&(unix.NUD_FAILED|unix.NUD_INCOMPLETE|unix.NUD_NOARP) != 0 {
				continue
			}
			k.Neighbours = append(k.Neighbours, Neighbour{
				Addr: a.Unmap(), MAC: pve.MAC(n.HardwareAddr), Device: names[n.LinkIndex], Seen: ticks(n.Confirmed),
			})
		}
	}
	return nil
}

// readStations reads the forwarding tables of all bridges. The bridges' own
// addresses stand there for ever.
func (k *Kernel) readStations(names map[int]string, masters map[int]int) error {
	entries, err := netlink.NeighListExecute(netlink.Ndmsg{Family: unix.AF_BRIDGE})
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("forwarding tables: %w", err)
	}
	for _, n := range entries {
		master := n.MasterIndex
		if master == 0 {
			master = masters[n.LinkIndex]
		}
		if len(n.HardwareAddr) != 6 || n.State&unix.NUD_PERMANENT != 0 || names[master] == "" || master == n.LinkIndex {
			continue
		}
		k.Stations = append(k.Stations, Station{
			MAC: pve.MAC(n.HardwareAddr), Bridge: names[master], Port: names[n.LinkIndex],
			VLAN: n.Vlan, Seen: ticks(n.Updated),
		})
	}
	return nil
}

// ticks turns what the kernel counts in USER_HZ (100 on all of Linux's
// platforms that Proxmox runs on) into a time.
func ticks(n uint32) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// stations lists where on this node a MAC address is plugged in, the latest first.
func (k *Kernel) stations(m pve.MAC) []Station {
	var found []Station
	for _, s := range k.Stations {
		if s.MAC == m {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b Station) int { return cmp.Compare(a.Seen, b.Seen) })
	return found
}

// BridgeAddresses lists this node's bridges with the addresses that they have,
// in the network namespace of the calling thread.
func BridgeAddresses() (map[string][]netip.Prefix, error) {
	bridges, err := ListDevices("bridge")
	if err != nil {
		return nil, err
	}
	all := map[string][]netip.Prefix{}
	names := map[int]string{}
	for _, d := range bridges {
		all[d.Name], names[d.Index] = nil, d.Name
	}
	addrs, err := netlink.AddrList(nil, unix.AF_INET)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	for _, a := range addrs {
		ip, ok := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		if name := names[a.LinkIndex]; ok && name != "" {
			all[name] = append(all[name], netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	return all, nil
}
