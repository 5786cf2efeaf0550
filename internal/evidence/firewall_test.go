package evidence_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/firewall"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestTraps shows each trap of Proxmox's address filter alone, and what is none.
func TestTraps(t *testing.T) {
	t.Parallel()
	static := guest.NIC{Firewall: true, IP: guest.Static, Addr: netip.MustParsePrefix("10.0.0.200/24")}
	pinned := firewall.File{Enable: true, IPFilter: true}
	with := func(nic guest.NIC, change func(*guest.NIC)) guest.NIC {
		change(&nic)
		return nic
	}
	set := func(f firewall.File, entries ...firewall.Entry) firewall.File {
		f.Sets = map[int][]firewall.Entry{0: entries}
		return f
	}
	container := func(f firewall.File, nic guest.NIC) []evidence.Filtered {
		return []evidence.Filtered{{Guest: lease.Guest{VMID: 101, Node: "pve1", Name: "web"}, File: f, NICs: []guest.NIC{nic}}}
	}
	machine := func(f firewall.File, nic guest.NIC) []evidence.Filtered {
		return []evidence.Filtered{{Guest: lease.Guest{Kind: pve.VM, VMID: 200, Node: "pve1"}, File: f, NICs: []guest.NIC{nic}}}
	}
	own := firewall.Entry{Text: "10.0.0.200"}
	for name, c := range map[string]struct {
		with   func(*evidence.Firewall)
		guests []evidence.Filtered
		want   string // grade: text | how | lines
	}{
		"no guest with a filter":                   {},
		"a container":                              {guests: container(pinned, static)},
		"a container whose address is yet to come": {guests: container(pinned, guest.NIC{Firewall: true})},
		"by DHCP":                           {guests: container(pinned, guest.NIC{Firewall: true, IP: guest.DHCP})},
		"a container with a set of its own": {guests: container(set(pinned, own), static)},
		"ip=manual": {
			guests: container(pinned, guest.NIC{Firewall: true, IP: guest.Manual}),
			want: "error: CT 101 (web) has 'ipfilter: 1' and ip=manual in net0, which ebtables refuses: the ARP filters of all guests of this node stay as they are" +
				"|start it by its hook, which writes the address; or leave ip= out of net0|",
		},
		"ip=manual without ARP filters": {
			with: func(f *evidence.Firewall) { f.NFTables = true }, guests: container(pinned, guest.NIC{Firewall: true, IP: guest.Manual}),
		},
		"ip6=auto": {
			guests: container(pinned, with(static, func(n *guest.NIC) { n.IP6 = guest.Auto })),
			want: "warning: CT 101 (web) has 'ipfilter: 1' and ip6=auto in net0: what it sends from the address that it makes for itself is dropped" +
				"|give net0 a fixed ip6=, or a set ipfilter-net0 with the prefix|",
		},
		"a set that lacks the lease": {
			guests: container(set(pinned, firewall.Entry{Text: "10.0.0.9"}), static),
			want: "error: the set ipfilter-net0 of CT 101 (web) lacks 10.0.0.200, its address: what it sends is dropped" +
				"|add it, or delete the set: with 'ipfilter: 1' a container's own address is let through" +
				"|pvesh create /nodes/pve1/lxc/101/firewall/ipset/ipfilter-net0 --cidr 10.0.0.200",
		},
		"an empty set, without ipfilter": {
			guests: container(set(firewall.File{Enable: true}), static),
			want: "error: the set ipfilter-net0 of CT 101 (web) lacks 10.0.0.200, its address: what it sends is dropped" +
				"|add it, or delete the set: with 'ipfilter: 1' a container's own address is let through" +
				"|pvesh create /nodes/pve1/lxc/101/firewall/ipset/ipfilter-net0 --cidr 10.0.0.200",
		},
		"a set that excepts the lease": {
			guests: container(set(pinned, own, firewall.Entry{Text: "10.0.0.200", Not: true}), static),
			want: "error: the set ipfilter-net0 of CT 101 (web) lacks 10.0.0.200, its address: what it sends is dropped" +
				"|add it, or delete the set: with 'ipfilter: 1' a container's own address is let through" +
				"|pvesh create /nodes/pve1/lxc/101/firewall/ipset/ipfilter-net0 --cidr 10.0.0.200",
		},
		"an alias": {
			guests: machine(set(pinned, firewall.Entry{Text: "dc/office"}), static),
			want: "warning: the set ipfilter-net0 of VM 200 has the alias dc/office, at which the making of its ARP filter ends: its ARP is not filtered" +
				"|write addresses in place of aliases|",
		},
		"a prefix": {
			guests: machine(set(pinned, firewall.Entry{Text: "10.0.0.0/24"}), static),
			want: "warning: the set ipfilter-net0 of VM 200 has 10.0.0.0/24: it may use every address of that, whoever they are leased to" +
				"|write single addresses|",
		},
		"a VM without a set": {
			guests: machine(pinned, static),
			want: "error: VM 200 has 'ipfilter: 1' and no set ipfilter-net0: all of its IPv4 is dropped, and its ARP is not filtered" +
				"|give it a set with its address" +
				"|pvesh create /nodes/pve1/qemu/200/firewall/ipset --name ipfilter-net0\npvesh create /nodes/pve1/qemu/200/firewall/ipset/ipfilter-net0 --cidr 10.0.0.200",
		},
		"a VM with its set": {guests: machine(set(pinned, own), static)},
		"the daemon is down": {
			with: func(f *evidence.Firewall) { f.Daemon = false },
			want: "warning: the firewall is enabled, but pve-firewall doesn't run: what is left of its rules knows guests by the addresses that they had then" +
				"||systemctl start pve-firewall",
		},
		"the newer daemon is down": {
			with: func(f *evidence.Firewall) { f.Daemon, f.NFTables = false, true },
			want: "warning: the firewall is enabled, but proxmox-firewall doesn't run: what is left of its rules knows guests by the addresses that they had then" +
				"||systemctl start proxmox-firewall",
		},
		"off for all": {
			with: func(f *evidence.Firewall) { f.Cluster, f.Daemon = firewall.File{}, false }, guests: container(pinned, guest.NIC{IP: guest.Manual}),
			want: "warning: the address filter of CT 101 (web) is not in force: cluster.fw has no 'enable: 1'" +
				"|if it is to be, enable the firewall of the datacenter; rules that let you in come first|pvesh set /cluster/firewall/options --enable 1",
		},
		"off for the guest": {
			guests: container(firewall.File{IPFilter: true}, static),
			want: "warning: the address filter of CT 101 (web) is not in force: 101.fw has no 'enable: 1'" +
				"||pvesh set /nodes/pve1/lxc/101/firewall/options --enable 1",
		},
		"off on the NIC": {
			guests: container(pinned, with(static, func(n *guest.NIC) { n.Firewall = false })),
			want:   "warning: the address filter of CT 101 (web) is not in force on net0, which has no firewall=1|set firewall=1 on net0|",
		},
		"without ARP": {
			with: func(f *evidence.Firewall) { f.Cluster.NoARP = true }, guests: container(pinned, guest.NIC{Firewall: true, IP: guest.Manual}),
			want: "warning: cluster.fw has 'ebtables: 0': the address filter of CT 101 (web) leaves ARP alone, so they can claim any address" +
				"||pvesh set /cluster/firewall/options --ebtables 1",
		},
		"a file that can't be read": {
			with: func(f *evidence.Firewall) { f.Unread = []string{"open 101.fw: \x1b[1mno"} },
			want: "warning: open 101.fw: \ufffd[1mno: whether Proxmox's address filter is right can't be told|see whether /etc/pve is well|",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := evidence.Firewall{Cluster: firewall.File{Enable: true}, Daemon: true, Guests: c.guests}
			if c.with != nil {
				c.with(&f)
			}
			var got []string
			for _, trap := range f.Traps() {
				got = append(got, trap.Grade.String()+": "+trap.Text+"|"+trap.How+"|"+strings.Join(trap.Lines, "\n"))
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
