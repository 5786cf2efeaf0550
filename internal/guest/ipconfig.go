package guest

import (
	"net/netip"
	"strconv"
	"strings"
)

// ipv4Config reads an ip= (PVE::JSONSchema, pve-ipv4-config).
func ipv4Config(s string) (IPMode, netip.Prefix, error) {
	if mode, ok := modeOf(s); ok && mode != Auto {
		return mode, netip.Prefix{}, nil
	}
	addr, bits, _ := strings.Cut(s, "/")
	a, err := ipv4(addr)
	n, ok := prefixLength(bits, 32)
	if err != nil || !ok {
		return Absent, netip.Prefix{}, wantIPv4Net
	}
	return Static, netip.PrefixFrom(a, n), nil
}

// ipv6Config reads an ip6= (PVE::JSONSchema, pve-ipv6-config).
func ipv6Config(s string) (IPMode, netip.Prefix, error) {
	if mode, ok := modeOf(s); ok {
		return mode, netip.Prefix{}, nil
	}
	addr, bits, _ := strings.Cut(s, "/")
	a, err := ipv6(addr)
	n, ok := prefixLength(bits, 128)
	if err != nil || !ok {
		return Absent, netip.Prefix{}, wantIPv6Net
	}
	return Static, netip.PrefixFrom(a, n), nil
}

func modeOf(s string) (IPMode, bool) {
	switch s {
	case "manual":
		return Manual, true
	case "dhcp":
		return DHCP, true
	case "auto":
		return Auto, true
	}
	return Absent, false
}

// prefixLength reads 8 to most; Proxmox lets leading zeros pass and nothing
// shorter than 8.
func prefixLength(s string, most int) (int, bool) {
	if !digits(s) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 8 && n <= most
}

// With is the interface with another address.
func (nic NIC) With(a Addr) NIC {
	if a.Prefix.Addr().Is4() {
		nic.IP, nic.Addr, nic.Gateway = Static, a.Prefix, a.Gateway
	} else {
		nic.IP6, nic.Addr6, nic.Gateway6 = Static, a.Prefix, a.Gateway
	}
	return nic
}

// IPConfig prints a VM's ipconfigN as Proxmox does, its properties sorted.
func (nic NIC) IPConfig() string {
	var all []string
	add := func(key, value string) { all = append(all, key+"="+value) }
	say := func(key string, mode IPMode, a netip.Prefix) {
		switch mode {
		case Static:
			add(key, a.String())
		case DHCP, Auto:
			add(key, mode.String())
		}
	}
	if nic.Gateway.IsValid() {
		add("gw", nic.Gateway.String())
	}
	if nic.Gateway6.IsValid() {
		add("gw6", nic.Gateway6.String())
	}
	say("ip", nic.IP, nic.Addr)
	say("ip6", nic.IP6, nic.Addr6)
	return strings.Join(all, ",")
}
