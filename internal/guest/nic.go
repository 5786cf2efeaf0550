package guest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pve-iplease/internal/pve"
)

// IPMode is how an interface gets its address of one family.
type IPMode uint8

// The modes, in the words of ip= and ip6=.
const (
	Absent IPMode = iota // nothing is said
	Manual
	DHCP
	Static
	Auto // ip6 only: stateless autoconfiguration
)

func (m IPMode) String() string {
	return [...]string{"absent", "manual", "dhcp", "static", "auto"}[m]
}

// NIC is one network interface as netN names it, for a VM together with
// ipconfigN. Addr and Addr6 are valid when their mode is Static.
type NIC struct {
	Index       int
	Name        string // inside a container; empty for a VM
	Model       string // of a VM's emulated card; empty for a container
	Bridge      string // may be empty
	Tag         uint16 // VLAN ID, 0 for none
	Trunks      string // VLAN IDs as Proxmox writes them, "2;3"
	MAC         pve.MAC
	MTU         int // bytes, 0 for the bridge's
	IP, IP6     IPMode
	Addr, Addr6 netip.Prefix
	Gateway     netip.Addr
	Gateway6    netip.Addr
	Firewall    bool
	LinkDown    bool
	HostManaged bool // the host configures the interface, not the container
}

// ErrNoNIC is returned for an interface that the running part does not have.
var ErrNoNIC = errors.New("the guest has no such network interface")

const (
	maxNICs  = 32  // net0 to net31, PVE::LXC::Config and PVE::QemuServer
	maxIndex = 255 // what an owner's name can hold
)

// NICs returns the numbers of the interfaces in the running part, sorted.
func (c Config) NICs() []int {
	all := c.indexes(c.running(), nil)
	return slices.DeleteFunc(all, func(n int) bool {
		_, ok := c.counting(c.running(), "net", n)
		return !ok || n >= maxNICs
	})
}

// NIC reads an interface of the running part as strictly as Proxmox's schema:
// an unknown, repeated or ill-formed property is an error that names it. The
// error is ErrNoNIC when there is no such line.
func (c Config) NIC(n int) (NIC, error) {
	line, ok := c.counting(c.running(), "net", n)
	if !ok || n >= maxNICs {
		return NIC{}, fmt.Errorf("net%d: %w; add it to the guest, or choose another", n, ErrNoNIC)
	}
	if c.kind == pve.Container {
		return readContainer(n, line.value)
	}
	nic, err := readVM(n, line.value)
	if err != nil {
		return NIC{}, err
	}
	if ip, ok := c.counting(c.running(), "ipconfig", n); ok {
		return nic.withIPConfig(ip.value)
	}
	return nic, nil
}

// counting finds the line that counts for one interface: the last. From a
// VM's config Proxmox drops a line that its schema refuses, so there it is
// the last good one if there is any.
func (c Config) counting(s section, prefix string, n int) (found entry, ok bool) {
	for _, e := range c.in(s) {
		if i, is := index(e.key, prefix); !is || i != n {
			continue
		}
		if !ok || c.kind == pve.Container || intact(prefix, e.value) {
			found, ok = e, true
		}
	}
	return found, ok
}

// indexes adds the numbers of the interfaces that a section names to those in
// seen, which is sorted and stays so.
func (c Config) indexes(s section, seen []int) []int {
	for _, e := range c.in(s) {
		n, ok := index(e.key, "net")
		if !ok && c.kind == pve.VM {
			n, ok = index(e.key, "ipconfig")
		}
		if !ok {
			continue
		}
		if at, found := slices.BinarySearch(seen, n); !found {
			seen = slices.Insert(seen, at, n)
		}
	}
	return seen
}

// index reads the number after a key's prefix; net007 is no interface.
func index(key, prefix string) (int, bool) {
	number, ok := strings.CutPrefix(key, prefix)
	if !ok || !digits(number) || len(number) > 3 || (number[0] == '0' && number != "0") {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	return n, err == nil && n <= maxIndex
}
