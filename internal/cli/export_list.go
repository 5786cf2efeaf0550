package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// record is an address as inventories of a data centre keep it.
type record struct {
	Address     string `json:"address"` // with its prefix length, where a pool tells it
	Status      string `json:"status"`  // active, reserved, deprecated: NetBox's words
	DNSName     string `json:"dns_name"`
	Description string `json:"description"`
	Pool        string `json:"pool"`
	Subnet      string `json:"subnet"`
	Bridge      string `json:"bridge"`
	VLAN        uint16 `json:"vlan"`
	Owner       string `json:"owner"`
	MAC         string `json:"mac"`
	State       string `json:"state"`
	Origin      string `json:"origin"`
	Node        string `json:"node"`
	Since       string `json:"since"`
}

// columns are those of the CSV, and how a record fills them.
func (r record) columns() [][2]string {
	vlan := ""
	if r.VLAN != 0 {
		vlan = fmt.Sprint(r.VLAN)
	}
	return [][2]string{
		{"address", r.Address},
		{"status", r.Status},
		{"dns_name", r.DNSName},
		{"description", r.Description},
		{"pool", r.Pool},
		{"subnet", r.Subnet},
		{"bridge", r.Bridge},
		{"vlan", vlan},
		{"owner", r.Owner},
		{"mac", r.MAC},
		{"state", r.State},
		{"origin", r.Origin},
		{"node", r.Node},
		{"since", r.Since},
	}
}

// records are all leases, and the reservations that nobody has a lease of.
func (a *app) records(ctx context.Context, h *hook.Host) ([]record, error) {
	t, inv, err, unread := readBoth(ctx, h)
	if err = cmp.Or(err, unread); err != nil {
		return nil, err
	}
	a.warnOfNames(inv)
	names := newNaming(h, "")
	all := []record{}
	for l := range t.All() {
		all = append(all, newRecord(newRow(h, inv, l)).named(names))
	}
	for _, r := range h.Pools.Reservations {
		if len(t.Everywhere(r.Addr)) == 0 {
			all = append(all, reservedRecord(h, inv, r).named(names))
		}
	}
	slices.SortStableFunc(all, func(a, b record) int { return addressOf(a).Compare(addressOf(b)) })
	return all, nil
}

func addressOf(r record) netip.Addr {
	s, _, _ := strings.Cut(r.Address, "/")
	a, _ := netip.ParseAddr(s)
	return a
}

func newRecord(r row) record {
	rec := record{
		Address: r.Address, Owner: r.Owner, MAC: r.MAC, State: r.State, Origin: r.Origin, Node: r.Node,
		DNSName: dnsName(r.Name), Since: r.Since.UTC().Format("2006-01-02T15:04:05Z"),
		Status: map[string]string{"bound": "active", "conflicted": "deprecated"}[r.State],
	}
	if rec.Status == "" {
		rec.Status = "reserved"
	}
	rec.Description = strings.TrimSpace(r.Owner + " " + r.Remark)
	if r.State == lease.Conflicted.String() {
		rec.Description = "used by a stranger"
	}
	rec.locate(r.pool)
	return rec
}

func reservedRecord(h *hook.Host, inv lease.Inventory, r lease.Reservation) record {
	rec := record{Address: r.Addr.String(), Status: "reserved", State: "reserved", Description: report.Clean(r.Comment)}
	if !r.Owner.IsZero() {
		rec.Owner, rec.DNSName = r.Owner.String(), dnsName(inv.Guests[r.Owner.VMID].Name)
	}
	rec.locate(h.Pools.Pools.Of(lease.Key{Addr: r.Addr}))
	return rec
}

// named drops a name that is another host's.
func (r record) named(n *naming) record {
	if n.label(r.DNSName) == "" {
		r.DNSName = ""
	}
	return r
}

// locate says which network the address is in.
func (r *record) locate(p *lease.Pool) {
	if p != nil {
		r.Address += fmt.Sprintf("/%d", p.Subnet.Bits())
		r.Pool, r.Subnet, r.Bridge, r.VLAN = p.Name, p.Subnet.String(), p.Bridge, p.VLAN
	}
}

// dnsName keeps of a guest's name what may stand in DNS, its domain included.
func dnsName(name string) string {
	var labels []string
	for l := range strings.SplitSeq(name, ".") {
		if l = dhcp.HostName(l); l != "" {
			labels = append(labels, l)
		}
	}
	return strings.Join(labels, ".")
}

func (a *app) exportJSONCommand() *cobra.Command {
	return a.exportRecords("json", "", func([]string) (func([]record) (string, error), error) {
		return func(all []record) (string, error) {
			text, err := json.MarshalIndent(all, "", "  ")
			return string(text) + "\n", err
		}, nil
	}, "Write every lease and reservation as JSON", "Write every lease and every reservation as JSON, for an inventory of the data\ncentre.")
}

func (a *app) exportCSVCommand() *cobra.Command {
	return a.exportRecords("csv", " [--columns NAMES]", func(names []string) (func([]record) (string, error), error) {
		for _, n := range names {
			if all := columnNames(); !slices.Contains(all, n) {
				return nil, usagef("there is no column %q%s", n, config.DidYouMean(n, all))
			}
		}
		return func(all []record) (string, error) { return writeCSV(all, names) }, nil
	}, "Write every lease and reservation as CSV", `Write every lease and every reservation as CSV, for an inventory of the data
centre. The first four columns (address,status,dns_name,description) are those
that NetBox imports; it takes no others, so name just them with --columns.`)
}

func columnNames() (all []string) {
	for _, c := range (record{}).columns() {
		all = append(all, c[0])
	}
	return all
}

func writeCSV(all []record, names []string) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(names)
	for _, r := range all {
		fields := map[string]string{}
		for _, c := range r.columns() {
			fields[c[0]] = c[1]
		}
		line := make([]string, len(names))
		for i, n := range names {
			line[i] = fields[n]
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.String(), w.Error()
}

// exportRecords is a command that writes all records in some form.
func (a *app) exportRecords(name, more string, form func(columns []string) (func([]record) (string, error), error), short, long string) *cobra.Command {
	var out string
	columns := columnNames()
	cmd := &cobra.Command{Use: name + more + " [--out FILE]", Short: short, Long: long, Args: takes(), DisableFlagsInUseLine: true}
	if more != "" {
		cmd.Flags().StringSliceVar(&columns, "columns", columns, "write only these columns, `NAMES` like address,mac")
		cmd.Flags().Lookup("columns").DefValue = "[]" // all of them need not be shown
	}
	outFlag(cmd, &out)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		write, err := form(columns)
		if err != nil {
			return err
		}
		h, err := a.host()
		if err != nil {
			return err
		}
		all, err := a.records(c.Context(), h)
		if err != nil {
			return err
		}
		text, err := write(all)
		if err != nil {
			return err
		}
		return a.deliver(c.Context(), h, out, text)
	}
	return cmd
}

func (a *app) exportHostsCommand() *cobra.Command {
	var out, domain string
	cmd := &cobra.Command{
		Use: "hosts [--domain NAME] [--out FILE]", Short: "Write a hosts file of the guests", Args: takes(), DisableFlagsInUseLine: true,
		Long: `Write a hosts file (hosts(5)) of the guests that have a lease, for /etc/hosts, or
for dnsmasq's addn-hosts= or hostsdir=. Each is called by its name and by its number,
like ct101; of two guests of one name the second has its number alone, and so has
one that is called like a node, or localhost. A name with dots is written when it
lies in the domain that is given.`,
	}
	cmd.Flags().StringVar(&domain, "domain", "", "write full names, too, that lie in the domain `NAME`")
	outFlag(cmd, &out)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runExportHosts(c.Context(), domain, out) }
	return cmd
}

func (a *app) runExportHosts(ctx context.Context, domain, out string) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	rows, err := a.namedLeases(ctx, h, func(l lease.Lease) bool { return l.Living() })
	if err != nil {
		return err
	}
	return a.deliver(ctx, h, out, hostsFile(newNaming(h, domain), rows))
}

// namedLeases are leases with their guests' names, without which a file for
// other programs would be wrong.
func (a *app) namedLeases(ctx context.Context, h *hook.Host, pick func(lease.Lease) bool) ([]row, error) {
	t, inv, err, unread := readBoth(ctx, h)
	if err = cmp.Or(err, unread); err != nil {
		return nil, err
	}
	a.warnOfNames(inv)
	return rowsOf(h, t, inv, pick), nil
}

// unreadNames bounds how many of them are told of.
const unreadNames = 5

// warnOfNames says which guests' names are as they were last known, or are
// not known.
func (a *app) warnOfNames(inv lease.Inventory) {
	told := 0
	for _, u := range inv.Unread {
		if u.Part != lease.GuestConfigs {
			continue
		}
		if told++; told > unreadNames {
			continue
		}
		what := "no name is known, and none is written"
		if u.Known {
			what = "names are written as they were last known"
		}
		a.log().Warn(report.Sentence(fmt.Sprintf("%s can't be read (%s): %s", u.What, u.Why, what)), report.Fields{})
	}
	if told > unreadNames {
		a.log().Warn(fmt.Sprintf("and %d more that can't be read", told-unreadNames), report.Fields{})
	}
}

// hostsFile names each guest at its addresses. A name belongs to the guest
// that comes first.
func hostsFile(n *naming, rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		kind, _, _ := strings.Cut(r.Owner, "/")
		fmt.Fprintf(&b, "%s\t%s\n", r.Address, strings.Join(append(n.names(r.VMID, r.Name), fmt.Sprintf("%s%d", kind, r.VMID)), " "))
	}
	return b.String()
}
