package node

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Addresses are this host's own, of all interfaces of our network namespace,
// loopback and link-local included, each with its prefix length. The kernel is
// asked for nothing but the addresses: the standard library asks for every
// interface too, which is slow on a host with hundreds of guests.
func (h *Host) Addresses() ([]netip.Prefix, error) {
	table, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("this node's own addresses: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil, fmt.Errorf("this node's own addresses: %w", err)
	}
	var own []netip.Prefix
	for i := range messages {
		if p := address(&messages[i]); p.IsValid() {
			own = append(own, p)
		}
	}
	return own, nil
}

// address reads one RTM_NEWADDR message (rtnetlink(7)); on a link with a peer
// IFA_LOCAL is our side and IFA_ADDRESS the other.
func address(m *syscall.NetlinkMessage) (p netip.Prefix) {
	if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < syscall.SizeofIfAddrmsg {
		return p
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return p
	}
	bits := int(m.Data[1])
	for _, a := range attrs {
		local := a.Attr.Type == syscall.IFA_LOCAL
		if addr, ok := netip.AddrFromSlice(a.Value); ok && (local || a.Attr.Type == syscall.IFA_ADDRESS && !p.IsValid()) {
			p = netip.PrefixFrom(addr, bits)
		}
	}
	return p
}
