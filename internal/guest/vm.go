package guest

import (
	"fmt"
	"slices"
)

// models are the network cards of PVE::QemuServer::Network, $nic_model_list;
// each is also a key whose value is the MAC address, virtio=BC:24:….
var models = []string{
	"e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e",
	"i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet",
	"rtl8139", "virtio", "vmxnet3",
}

// readVM reads a VM's netN (PVE::QemuServer::Network, $net_fmt).
func readVM(n int, value string) (NIC, error) {
	r := reader{nic: NIC{Index: n}, line: fmt.Sprintf("net%d", n), schema: vmProperty}
	if err := r.whole(value); err != nil {
		return NIC{}, err
	}
	for p := range properties(value) {
		if err := r.putVM(p); err != nil {
			return NIC{}, err
		}
	}
	return r.nic, r.need("model")
}

// putVM resolves the two short forms: a model alone, and a model as the key
// of its MAC address.
func (r *reader) putVM(p property) error {
	switch {
	case !p.keyed:
		return r.put("model", p.value)
	case slices.Contains(models, p.key):
		if err := r.put("model", p.key); err != nil {
			return err
		}
		return r.put("macaddr", p.value)
	}
	return r.put(p.key, p.value)
}

func vmProperty(nic *NIC, key, value string) (known bool, err error) {
	switch key {
	case "model":
		nic.Model, err = value, oneOf(value, models...)
	case "macaddr":
		nic.MAC, err = hardware(value)
	case "mtu":
		nic.MTU, err = integer(value, 1, 65520)
	case "queues":
		_, err = integer(value, 0, 64)
	case "rate":
		var rate float64
		if rate, err = number(value); err == nil && rate < 0 {
			err = wantRate
		}
	case "trunks":
		nic.Trunks, err = trunks(value, true)
	case "host-tunnel":
		_, err = boolean(value)
	default:
		return commonProperty(nic, key, value)
	}
	return true, err
}

// intact reports whether Proxmox keeps a VM's line when it reads the config.
func intact(prefix, value string) bool {
	if prefix == "net" {
		_, err := readVM(0, value)
		return err == nil
	}
	_, err := readIPConfig(NIC{}, value)
	return err == nil
}
