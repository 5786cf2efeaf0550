package probe

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// openClassic asks in a VLAN of a bridge that knows none. Proxmox gives such a
// VLAN a bridge of its own, vmbr0v20, on a VLAN device of the uplink,
// eno1.20, when the first guest in it starts (PVE::Network,
// activate_bridge_vlan). Before that VLAN device exists, tagged frames pass
// through the bridge as they are, so the bridge itself can be asked.
func (p Place) openClassic(b *kernelBridge, declared []string) (*Port, error) {
	own, _, err := openBridge(fmt.Sprintf("%sv%d", p.Bridge, p.Tag))
	if err == nil {
		return p.alone(own, subUplinks(declared, p.Tag))
	}
	if none := missingError(""); !errors.As(err, &none) {
		return nil, err
	}
	b.tag = p.Tag
	device, err := b.vlanDevice(p.Tag)
	switch {
	case err != nil:
		return nil, fmt.Errorf("VLAN devices of %s: %w", p.Bridge, err)
	case device.index == 0:
		return p.onBridge(b, p.Tag, declared)
	case device.master != 0:
		return p.elsewhere(b, device)
	}
	return b.listen(&net.Interface{Index: device.index, Name: device.name, HardwareAddr: device.mac[:]}, 0, declared)
}

// elsewhere asks on the bridge that an administrator has plugged the VLAN
// device into.
func (p Place) elsewhere(b *kernelBridge, device link) (*Port, error) {
	l, err := b.link(device.master)
	if err != nil {
		return nil, fmt.Errorf("the bridge of %s: %w", device.name, err)
	}
	own, _, err := openBridge(l.name)
	if err != nil {
		return nil, err
	}
	if own.self.aware {
		own.close()
		return nil, fmt.Errorf("VLAN %d of %s: %s lies in %s, which keeps VLANs apart itself: name that bridge instead", p.Tag, b.name, device.name, l.name)
	}
	return p.alone(own, []string{device.name})
}

// alone asks untagged on a bridge that was opened for this.
func (p Place) alone(b *kernelBridge, declared []string) (*Port, error) {
	port, err := p.untagged(b, declared)
	if err != nil {
		b.close()
	}
	return port, err
}

// vlanDevice finds the VLAN device that lies on an uplink of the bridge; with
// index 0 there is none.
func (b *kernelBridge) vlanDevice(tag uint16) (link, error) {
	ports, err := b.ports()
	if err != nil {
		return link{}, err
	}
	uplink := map[int]bool{}
	for _, p := range ports {
		uplink[p.index] = !p.guest()
	}
	kind := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	kind.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("vlan"))
	replies, err := b.ask(unix.RTM_GETLINK, unix.NLM_F_DUMP, nl.NewIfInfomsg(unix.AF_UNSPEC), kind)
	if err != nil {
		return link{}, err
	}
	for _, r := range replies {
		l, err := parseLink(r)
		if err != nil {
			return link{}, err
		}
		if l.kind == "vlan" && l.vlan == tag && uplink[l.over] {
			return l, nil
		}
	}
	return link{}, nil
}

// physical tells the uplinks that Proxmox lays VLAN devices on by their names
// (PVE::Network, activate_bridge_vlan).
func physical(name string) bool {
	for _, prefix := range []string{"eth", "bond"} {
		if number, ok := strings.CutPrefix(name, prefix); ok {
			return number != "" && digits(number)
		}
	}
	return len(name) > 2 && strings.HasPrefix(name, "en") && !strings.Contains(name, ".")
}

// subUplinks are the VLAN devices that must be in vmbr0v20 when these are the
// uplinks of vmbr0.
func subUplinks(declared []string, tag uint16) []string {
	var out []string
	for _, d := range declared {
		if physical(d) {
			out = append(out, fmt.Sprintf("%s.%d", d, tag))
		}
	}
	return out
}
