package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/ui"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit [--passive | --rate N] [--output-format text|json]", Short: "List everything that disagrees", Args: takes(),
		Long: `List everything that disagrees: the ledger, the guests' configs, the network as
this node sees it, DHCP servers' leases and ranges, Proxmox's SDN, hookscripts
on this node, reservations. Run it on every node: each sees its own bridges.
Exit code 3 when something is wrong, 1 when
too little could be read to tell.

It asks the network for every address that anything names. Where switches
inspect ARP use --rate 14, as 'pve-iplease scan --help' explains.`,
	}
	ask := askFlags(cmd, probe.SweepRate)
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runAudit(c.Context(), *ask, *f) }
	return cmd
}

// audited is the result as JSON has it.
type audited struct {
	Findings []evidence.Finding `json:"findings"`
	Compared compared           `json:"compared"`
	Remarks  []evidence.Remark  `json:"remarks,omitempty"`
}

// compared counts what the result rests on.
type compared struct {
	Leases int `json:"leases"`
	Guests int `json:"guests"`
	Asked  int `json:"asked"` // addresses, on the network
	Files  int `json:"dhcp_files"`
	// Addresses whose silence proves nothing, by the network and the reason.
	Unproven map[string]int `json:"unproven,omitempty"`
}

// count tells the addresses that could be asked for from the others.
func (c *compared) count(heard []evidence.ProbeResult) {
	for _, h := range heard {
		if h.Doubt == "" || len(h.Voices) > 0 {
			c.Asked++
			continue
		}
		if c.Unproven == nil {
			c.Unproven = map[string]int{}
		}
		c.Unproven[fmt.Sprintf("%s: %s", h.Segment, h.Doubt)]++
	}
}

func (a *app) runAudit(ctx context.Context, ask asking, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	bounded, cancel := deadline(ctx, h)
	defer cancel()
	l := newLook(h)
	l.gather(bounded)
	heard, err := l.askNamed(ctx, ask)
	if err != nil {
		return err
	}
	for _, d := range l.addressFacts(heard) {
		l.inspect(d.Involved()...)
	}
	l.Firewall = evidence.LookAtFirewall(h.Node, l.Inventory, l.readGuest)
	scripts := l.Scripts(l.readGuest, h.Node.Path)
	out := audited{
		Findings: append([]evidence.Finding{}, evidence.Audit(l.Snapshot, heard, scripts)...), Remarks: l.Remarks,
		Compared: compared{Leases: l.Table.Len(), Guests: len(l.Inventory.Guests), Files: len(l.DHCP.Files)},
	}
	out.Compared.count(heard)
	if l.blind() {
		a.code = hook.Failed
	}
	for _, found := range out.Findings {
		if found.Severity >= evidence.Warning {
			a.code = hook.Conflict
		}
	}
	if f == "json" {
		return ui.JSON(a.out, out)
	}
	a.tellRemarks(out.Remarks)
	return a.auditScreen(out)
}

// addressFacts are those of the addresses that somebody answered for.
func (l *look) addressFacts(heard []evidence.ProbeResult) []*evidence.AddressFacts {
	var all []*evidence.AddressFacts
	for _, h := range heard {
		if len(h.Voices) > 0 {
			all = append(all, l.About(h.Addr, heard, nil))
		}
	}
	return all
}

func (a *app) auditScreen(out audited) error {
	b := ui.NewPage(a.out)
	count := map[evidence.Severity]int{}
	for _, f := range out.Findings {
		count[f.Severity]++
		text := f.Text
		if !strings.Contains(text, f.About) {
			text = f.About + ": " + text
		}
		b.Wrap(text, fmt.Sprintf("%-9s ", f.Severity))
		steps(b, f.Do)
		b.WriteString("\n")
	}
	c := out.Compared
	b.Wrap(fmt.Sprintf("compared: %s, %s, %s; asked for on the network: %s",
		ui.Plural(c.Leases, "lease"), ui.Plural(c.Guests, "guest"), ui.Plural(c.Files, "DHCP file"), ui.Plural(c.Asked, "address")), "")
	for _, why := range slices.Sorted(maps.Keys(c.Unproven)) {
		b.Wrap(fmt.Sprintf("silence proves nothing for %s on %s", ui.Plural(c.Unproven[why], "address"), why), "")
	}
	switch {
	case len(out.Findings) == 0 && len(c.Unproven) > 0:
		b.WriteString("nothing disagrees of what could be read and asked\n")
	case len(out.Findings) == 0 && a.code == hook.Failed:
		b.WriteString("nothing disagrees of what could be read\n")
	case len(out.Findings) == 0:
		b.WriteString("nothing disagrees\n")
	default:
		fmt.Fprintf(b, "%s, %s, %s\n", ui.Plural(count[evidence.Conflict], "conflict"), ui.Plural(count[evidence.Warning], "warning"), ui.Plural(count[evidence.Notice], "notice"))
	}
	return b.Show(a.out)
}
