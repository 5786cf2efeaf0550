package cli

import (
	"fmt"
	"net/netip"
	"strings"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// How much of a foreign name has room in a column.
const (
	vendorRunes = 16
	guestRunes  = 22
)

// scanScreen prints each network: a table, what is wrong, and a summary.
func (a *app) scanScreen(out scanned) error {
	for i, n := range out.Networks {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if len(out.Networks) > 1 {
			fmt.Fprintf(a.out, "%s on %s\n", strings.Join(n.Ranges, ", "), n.Segment)
		}
		if len(n.Addresses) > 0 {
			if err := ui.Table(a.out, "ADDRESS MAC VENDOR GUEST LEDGER REMARK", residentCells(n.Addresses)); err != nil {
				return err
			}
		}
		b := ui.NewPage(a.out)
		n.below(b)
		if err := b.Show(a.out); err != nil {
			return err
		}
	}
	return nil
}

func residentCells(all []evidence.Resident) [][]string {
	var cells [][]string
	for _, r := range all {
		guest := strings.TrimSpace(r.Guest + " " + r.Name)
		cells = append(cells, []string{
			r.Addr.String(), ui.Dash(r.MAC), ui.Dash(ui.Short(r.Vendor, vendorRunes)), ui.Dash(ui.Short(guest, guestRunes)), ui.Dash(r.Ledger), r.Remark,
		})
	}
	return cells
}

// below is what stands under a network's table.
func (n network) below(b *ui.Page) {
	if len(n.Addresses) > 0 {
		b.WriteString("\n")
	}
	said, twice := map[netip.Addr]bool{}, map[pve.MAC]bool{}
	for _, r := range n.Addresses {
		if !r.Twice.IsZero() {
			if !twice[r.Twice] {
				b.Wrap(r.Verdict, "conflict: ")
				steps(b, r.Do)
			}
			twice[r.Twice] = true
			continue
		}
		if r.Severity == evidence.Conflict && !said[r.Addr] {
			said[r.Addr] = true
			text := r.Verdict
			if !strings.HasPrefix(text, r.Addr.String()) {
				text = r.Addr.String() + ": " + text
			}
			b.Wrap(fmt.Sprintf("%s; 'pve-iplease whohas %s' says what to do", text, r.Addr), "conflict: ")
		}
	}
	for _, p := range n.Proxies {
		where := ""
		if p.Port != "" {
			where = " on " + p.Port
		}
		b.Wrap(fmt.Sprintf("%s answers for %s%s, whoever they belong to: while it does, nothing is proved on this network; turn proxy ARP off there",
			p.MAC, ui.Plural(p.Addresses, "address"), where), "proxy: ")
	}
	b.Wrap(n.summary(), "")
}

// summary says how far the table can be trusted.
func (n network) summary() string {
	text := fmt.Sprintf("%d of %s answer", n.Answering, ui.Plural(n.Asked, "address"))
	if n.Answering == 1 {
		text += "s"
	}
	if n.Doubt != "" {
		return text + "; the others can't be told: " + report.Clean(n.Doubt)
	}
	if n.Closed {
		text += " on this closed network"
	}
	return fmt.Sprintf("%s (%d packets, %.1f s)", text, n.Packets, n.Seconds)
}
