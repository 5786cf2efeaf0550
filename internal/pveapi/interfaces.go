package pveapi

import (
	"context"
	"net/netip"

	"pve-iplease/internal/pve"
)

// Interface is one network interface inside a running guest.
type Interface struct {
	Name  string
	MAC   pve.MAC
	Addrs []netip.Prefix
}

// Interfaces are those of a running container, as its node's kernel has them;
// none when it doesn't run.
func (a *API) Interfaces(ctx context.Context, node string, id pve.VMID) ([]Interface, error) {
	var list []rawInterface
	if err := a.Get(ctx, guest(node, pve.Container, id)+"/interfaces", nil, &list); err != nil {
		return nil, err
	}
	return interfaces(list), nil
}

// AgentInterfaces are those of a running virtual machine, as the agent in it
// reports them; ErrNoAgent if none does.
func (a *API) AgentInterfaces(ctx context.Context, node string, id pve.VMID) ([]Interface, error) {
	var answer struct {
		Result []rawInterface `json:"result"`
	}
	err := a.Get(ctx, guest(node, pve.VM, id)+"/agent/network-get-interfaces", nil, &answer)
	if err != nil {
		return nil, err
	}
	return interfaces(answer.Result), nil
}

// rawInterface is how Proxmox writes an interface. Before PVE 8.4 a container's
// has only inet and inet6, which keep one address each; they are read where
// there is no list.
type rawInterface struct {
	Name  string   `json:"name"`
	MAC   string   `json:"hardware-address"`
	Old   string   `json:"hwaddr"`
	Inet  string   `json:"inet"`
	Inet6 string   `json:"inet6"`
	List  []rawNet `json:"ip-addresses"`
}

type rawNet struct {
	Addr   string `json:"ip-address"`
	Prefix Number `json:"prefix"`
}

// interfaces keeps what is understood.
func interfaces(list []rawInterface) []Interface {
	var all []Interface
	for _, raw := range list {
		i := Interface{Name: raw.Name}
		for _, text := range []string{raw.MAC, raw.Old} {
			if mac, err := pve.ParseMAC(text); err == nil {
				i.MAC = mac
				break
			}
		}
		for _, n := range raw.List {
			a, err := netip.ParseAddr(n.Addr)
			if p := netip.PrefixFrom(a, int(n.Prefix)); err == nil && p.IsValid() {
				i.Addrs = append(i.Addrs, p)
			}
		}
		for _, text := range []string{raw.Inet, raw.Inet6} {
			if p, err := netip.ParsePrefix(text); err == nil && len(raw.List) == 0 {
				i.Addrs = append(i.Addrs, p)
			}
		}
		all = append(all, i)
	}
	return all
}
