package hook

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// prefix begins the names of what a hook is told.
const prefix = "PVE_IPLEASE_"

// environment tells a hook about the guest and its leases, beside what Proxmox
// told us. Without a lease the variables about one are not set.
func (r *run) environment(ctx context.Context) []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, prefix) })
	set := func(name, value string) {
		if value != "" {
			env = append(env, prefix+name+"="+report.Clean(value))
		}
	}
	kind := r.kind()
	set("VMID", r.id.String())
	set("PHASE", string(r.phase))
	set("KIND", kind.String())
	set("NODE", r.Env.Name)
	data, err := r.Guests.ReadGuest(kind, r.id)
	conf := guest.Parse(kind, data)
	if err == nil {
		set("NAME", conf.Hostname())
	}
	var all []string
	for _, l := range r.leases(ctx, kind) {
		cidr, gateway := r.network(conf, l)
		all = append(all, cidr.String())
		if len(all) > 1 {
			continue
		}
		set("OWNER", l.Owner.String())
		set("ADDRESS", l.Addr.String())
		set("CIDR", cidr.String())
		if p := r.Pools.Pools.Of(l.Key); p != nil {
			set("POOL", p.Name)
		}
		if gateway.IsValid() {
			set("GATEWAY", gateway.String())
		}
		if !l.MAC.IsZero() {
			set("MAC", l.MAC.String())
		}
	}
	set("ALL", strings.Join(all, " "))
	if !slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, "PATH=") }) {
		env = append(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	}
	return env
}

// leases are the guest's, its first interface's first address in front.
func (r *run) leases(ctx context.Context, kind pve.Kind) []lease.Lease {
	t, err := r.Ledger.View(ctx)
	if err != nil {
		r.warn(lease.Grant{}, "the hooks in hooks.d aren't told of a lease: %v", err)
		return nil
	}
	all := slices.DeleteFunc(t.Guest(kind, r.id), func(l lease.Lease) bool { return l.State == lease.Conflicted })
	slices.SortStableFunc(all, func(a, b lease.Lease) int {
		if a.Owner.NIC != b.Owner.NIC {
			return a.Owner.NIC - b.Owner.NIC
		}
		return a.Addr.BitLen() - b.Addr.BitLen()
	})
	return all
}

// network is an address with its prefix length, and its gateway, as the guest's
// config has them; where it names another address, as the pool has them.
func (r *run) network(conf guest.Config, l lease.Lease) (cidr netip.Prefix, gateway netip.Addr) {
	if nic, err := conf.NIC(l.Owner.NIC); err == nil {
		switch l.Addr {
		case nic.Addr.Addr():
			return nic.Addr, nic.Gateway
		case nic.Addr6.Addr():
			return nic.Addr6, nic.Gateway6
		}
	}
	if p := r.Pools.Pools.Of(l.Key); p != nil {
		return netip.PrefixFrom(l.Addr, p.Subnet.Bits()), p.Gateway.Addr
	}
	return netip.PrefixFrom(l.Addr, l.Addr.BitLen()), netip.Addr{}
}
