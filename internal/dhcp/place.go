package dhcp

// Place is where a DHCP server's files lie by default.
type Place struct {
	Format  Format
	Pattern string // of filepath.Match, absolute
}

// Places returns the places that are looked at, in this order: as Debian packages
// the servers, as Proxmox's SDN runs dnsmasq for each of its zones (PVE's
// Dhcp/Dnsmasq.pm), as libvirt and LXC run it for their own networks.
func Places() []Place {
	return []Place{
		{DnsmasqConfig, "/etc/dnsmasq.conf"},
		{DnsmasqConfig, "/etc/dnsmasq.d/*"},
		{DnsmasqConfig, "/etc/dnsmasq.d/*/*.conf"},
		{DnsmasqHosts, "/etc/dnsmasq.d/*/ethers"},
		{DnsmasqLeases, "/var/lib/misc/dnsmasq.leases"},
		{DnsmasqLeases, "/var/lib/misc/dnsmasq.*.leases"},
		{DnsmasqLeases, "/var/lib/libvirt/dnsmasq/*.leases"},
		{ISCConfig, "/etc/dhcp/dhcpd.conf"},
		{ISCLeases, "/var/lib/dhcp/dhcpd.leases"},
		{KeaConfig, "/etc/kea/kea-dhcp4.conf"},
		{KeaLeases, "/var/lib/kea/kea-leases4.csv"},
		{NetworkdLeases, "/var/lib/systemd/network/dhcp-server-lease/*"},
		{NetworkdLeases, "/run/systemd/netif/dhcp-server-lease/*"},
	}
}
