package node

import (
	"fmt"
	"net"
	"net/netip"
)

// Addresses are this host's own, of all interfaces of our network namespace,
// loopback and link-local included, each with its prefix length. The standard
// library asks the kernel once for all; netlink needs no less.
func (h *Host) Addresses() ([]netip.Prefix, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("this node's own addresses: %w", err)
	}
	own := make([]netip.Prefix, 0, len(list))
	for _, a := range list {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(ipnet.IP)
		bits, _ := ipnet.Mask.Size()
		if ok {
			own = append(own, netip.PrefixFrom(addr.Unmap(), bits))
		}
	}
	return own, nil
}
