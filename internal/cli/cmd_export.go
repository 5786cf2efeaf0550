package cli

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/phoenix"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

func (a *app) exportCommand() *cobra.Command {
	cmd := group("export", "Tell other programs about the leases")
	cmd.AddCommand(
		a.exportDHCP("dnsmasq", dhcp.DnsmasqHosts, "They go into a file of the directory that\ndhcp-hostsdir= names, whose files dnsmasq reads again when they change; with\n--config-lines into one that dnsmasq.conf includes by conf-dir=."),
		a.exportDHCP("isc", dhcp.ISCConfig, "They go into a file that dhcpd.conf includes."),
		a.exportDHCP("kea", dhcp.KeaConfig, "They are the list \"reservations\" of one\nsubnet, in a file that kea-dhcp4.conf includes by <?include \"FILE\"?>."),
		a.exportHostsCommand(), a.exportJSONCommand(), a.exportCSVCommand(), a.exportPrometheusCommand(), a.exportPhoenixCommand())
	return cmd
}

// outFlag lets a command write into a file instead of on stdout.
func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVar(out, "out", "", "replace `FILE` in one step instead of printing")
}

// deliver prints a result, or replaces a file by it: whoever reads the file
// never sees a part of it.
func (a *app) deliver(ctx context.Context, h *hook.Host, out, text string) error {
	if out == "" {
		_, err := fmt.Fprint(a.out, text)
		return err
	}
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no directory %s to write into", report.Clean(filepath.Dir(out)))
	}
	return h.Node.WriteOutput(ctx, out, []byte(text))
}

// leasedAddresses are what containers have on net0, in the network of a pool.
func leasedAddresses(ctx context.Context, h *hook.Host) (map[pve.VMID]phoenix.Address, error) {
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return nil, err
	}
	leased := map[pve.VMID]phoenix.Address{}
	for l := range t.All() {
		p := h.Pools.Pools.Of(l.Key)
		if p == nil || !l.Living() || l.Owner.Kind != pve.Container || l.Owner.NIC != 0 || !l.Addr.Is4() {
			continue
		}
		if _, again := leased[l.Owner.VMID]; !again || l.State == lease.Bound {
			leased[l.Owner.VMID] = phoenix.Address{CIDR: netip.PrefixFrom(l.Addr, p.Subnet.Bits()), Gateway: p.Gateway.Addr}
		}
	}
	return leased, nil
}

// exportDHCP is the command for one DHCP server.
func (a *app) exportDHCP(name string, format dhcp.Format, what string) *cobra.Command {
	var pools []string
	var out string
	var lines bool
	server := format.Server()
	cmd := &cobra.Command{
		Use: name + " [--pool NAME] [--out FILE]", Short: "Write the leases as reservations of " + string(server), Args: takes(), DisableFlagsInUseLine: true,
		Long: "Write the leases as reservations of " + string(server) + `, so that a server beside
us gives no leased address to anybody else. ` + what + `
Of IPv6 there are none, since DHCPv6 knows its clients by another thing than
their MAC address.`,
	}
	cmd.Flags().StringSliceVar(&pools, "pool", nil, "only of pool `NAME`; may be repeated")
	outFlag(cmd, &out)
	if format == dhcp.DnsmasqHosts {
		cmd.Flags().BoolVar(&lines, "config-lines", false, "write lines of dnsmasq.conf")
	}
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if lines {
			format = dhcp.DnsmasqConfig
		}
		return a.runExportDHCP(c.Context(), format, pools, out)
	}
	return cmd
}

func (a *app) runExportDHCP(ctx context.Context, format dhcp.Format, names []string, out string) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	pools, err := poolsOf(h, names)
	if err != nil {
		return err
	}
	if format == dhcp.KeaConfig && len(pools) > 1 {
		return usagef("Kea keeps a list for each subnet; name one of the %d pools with --pool", len(pools))
	}
	rows, err := a.namedLeases(ctx, h, func(l lease.Lease) bool {
		p := h.Pools.Pools.Of(l.Key)
		return l.Living() && l.Addr.Is4() && p != nil && slices.Contains(pools, p.Name)
	})
	if err != nil {
		return err
	}
	called := newNaming(h, "")
	var list []dhcp.Reservation
	for _, r := range rows {
		mac, _ := pve.ParseMAC(r.MAC) // none is the zero MAC
		list = append(list, dhcp.Reservation{Addr: netip.MustParseAddr(r.Address), MAC: mac, Name: called.label(r.Name)})
	}
	kept, dropped := dhcp.Unique(list)
	for _, d := range dropped {
		a.log().Warn(fmt.Sprintf("%s is left out: %s", d.Addr, d.Why), report.Fields{})
	}
	return a.deliver(ctx, h, out, dhcp.Write(format, kept))
}

// poolsOf are the names of the IPv4 pools that were asked for, without any of all.
func poolsOf(h *hook.Host, names []string) ([]string, error) {
	var all []string
	for _, p := range h.Pools.Pools {
		if p.Family() == pve.IPv4 {
			all = append(all, p.Name)
		}
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("there is no IPv4 pool %q; 'pve-iplease pool list' shows them", report.Clean(n))
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	return all, nil
}
