package guest

import "fmt"

// readIPConfig adds what a VM's ipconfigN says by its schema
// (PVE::QemuServer::Network, $ipconfig_fmt): a gateway needs an ip beside it.
func readIPConfig(nic NIC, value string) (NIC, error) {
	r := reader{nic: nic, line: fmt.Sprintf("ipconfig%d", nic.Index), schema: addressProperty}
	if err := r.putAll(value); err != nil {
		return NIC{}, err
	}
	if r.nic.Gateway.IsValid() && r.nic.IP == Absent {
		return NIC{}, r.refuse("gw needs an address in ip")
	}
	if r.nic.Gateway6.IsValid() && r.nic.IP6 == Absent {
		return NIC{}, r.refuse("gw6 needs an address in ip6")
	}
	return r.nic, nil
}

// withIPConfig is stricter, as Proxmox is when it makes the cloud-init image
// (parse_ipconfig): no gateway beside another mode than an address, though it
// lets gw pass beside manual. A line that names neither family means DHCP.
func (nic NIC) withIPConfig(value string) (NIC, error) {
	nic, err := readIPConfig(nic, value)
	if err != nil {
		return NIC{}, err
	}
	r := reader{line: fmt.Sprintf("ipconfig%d", nic.Index)}
	if nic.Gateway.IsValid() && nic.IP == DHCP {
		return NIC{}, r.refuse("gw needs an address in ip")
	}
	if nic.Gateway6.IsValid() && nic.IP6 != Static {
		return NIC{}, r.refuse("gw6 needs an address in ip6")
	}
	if nic.IP == Absent && nic.IP6 == Absent {
		nic.IP, nic.IP6 = DHCP, DHCP
	}
	return nic, nil
}
