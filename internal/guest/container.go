package guest

import "fmt"

// readContainer reads a container's netN (PVE::LXC::Config, $netconf_desc).
func readContainer(n int, value string) (NIC, error) {
	r := reader{nic: NIC{Index: n}, line: fmt.Sprintf("net%d", n), schema: containerProperty}
	if err := r.putAll(value); err != nil {
		return NIC{}, err
	}
	return r.nic, r.need("name")
}

func containerProperty(nic *NIC, key, value string) (known bool, err error) {
	switch key {
	case "name":
		nic.Name, err = word(value)
	case "hwaddr":
		nic.MAC, err = hardware(value)
	case "mtu":
		nic.MTU, err = integer(value, 64, 65535)
	case "trunks":
		nic.Trunks, err = trunks(value, false)
	case "rate":
		_, err = number(value)
	case "host-managed":
		nic.HostManaged, err = boolean(value)
	case "type":
		err = oneOf(value, "veth")
	default:
		if known, err = commonProperty(nic, key, value); known {
			return true, err
		}
		return addressProperty(nic, key, value)
	}
	return true, err
}

// commonProperty takes what containers and VMs have in common.
func commonProperty(nic *NIC, key, value string) (known bool, err error) {
	switch key {
	case "bridge":
		nic.Bridge, err = word(value)
	case "tag":
		var tag int
		tag, err = integer(value, 1, 4094)
		nic.Tag = uint16(tag)
	case "firewall":
		nic.Firewall, err = boolean(value)
	case "link_down":
		nic.LinkDown, err = boolean(value)
	default:
		return false, nil
	}
	return true, err
}

// addressProperty takes what a container's netN and a VM's ipconfigN have in
// common.
func addressProperty(nic *NIC, key, value string) (known bool, err error) {
	switch key {
	case "ip":
		nic.IP, nic.Addr, err = ipv4Config(value)
	case "gw":
		nic.Gateway, err = ipv4(value)
	case "ip6":
		nic.IP6, nic.Addr6, err = ipv6Config(value)
	case "gw6":
		nic.Gateway6, err = ipv6(value)
	default:
		return false, nil
	}
	return true, err
}
