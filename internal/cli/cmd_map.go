package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// mapOptions are the flags of a map.
type mapOptions struct {
	scanOptions
	scan bool
	html string
}

func (a *app) mapCommand() *cobra.Command {
	var o mapOptions
	cmd := &cobra.Command{
		Use: "map [POOL] [--scan [--fast]] [--html FILE | --output-format text|json]", Short: "Show the pools as a picture", Args: mayTake("a pool"),
		Long: `Show the pools as a picture, a cell an address: what is leased, kept for a
stopped guest, reserved, written by hand into a guest's config, used by a
stranger, wanted by two, and free. It shows what is known without asking
anybody; with --scan the network is asked first. In the picture of a large pool
a cell is several addresses.

With --html it is a page of its own with a table that can be sorted and
searched; FILE is replaced as a whole, and - is the standard output.`,
	}
	cmd.Flags().BoolVar(&o.scan, "scan", false, "ask the network first, as the command scan does")
	cmd.Flags().BoolVar(&o.fast, "fast", false, "with --scan: don't wait for slow hosts")
	cmd.Flags().StringVar(&o.html, "html", "", "write a page to `FILE`")
	o.format = formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case c.Flags().Changed("html") && o.html == "":
			return usagef("--html needs the name of a file")
		case o.html != "" && *o.format == "json":
			return usagef("--html and JSON exclude each other")
		case o.fast && !o.scan:
			return usagef("--fast belongs to --scan")
		}
		return a.runMap(c.Context(), slices.Concat(args, []string{""})[0], o)
	}
	return cmd
}

func (a *app) runMap(ctx context.Context, arg string, o mapOptions) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	pools, err := choosePools(h.Pools.Pools, arg)
	if err != nil {
		a.tell(h.Problems)
		return err
	}
	l := newLook(h)
	heard, err := a.surveyPools(ctx, l, pools, o)
	if err != nil {
		return err
	}
	if l.unread() {
		a.tellRemarks(l.Remarks)
		return errors.New("without the ledger and the guests' configs a map would show as free what isn't; 'pve-iplease doctor' says what is wrong")
	}
	l.inspectVoices(heard)
	var plots []evidence.Map
	for _, p := range pools {
		plots = append(plots, l.Map(p, heard))
	}
	switch {
	case o.html != "":
		a.tellRemarks(l.Remarks)
		return a.writePage(o.html, newWebPage(l, plots, a.place.Version, o.scan))
	case *o.format == "json":
		return ui.JSON(a.out, newMapped(plots, l.Remarks))
	}
	a.tellRemarks(l.Remarks)
	return a.mapScreen(plots)
}

// choosePools picks the pools of a name, of which a section with both families
// makes two, or all.
func choosePools(pools []lease.Pool, name string) ([]lease.Pool, error) {
	var chosen []lease.Pool
	var names []string
	for _, p := range pools {
		names = append(names, p.Name)
		if name == "" || p.Name == name {
			chosen = append(chosen, p)
		}
	}
	switch {
	case len(chosen) > 0:
		return chosen, nil
	case name == "":
		return nil, fmt.Errorf("there is no pool; write one into the pools file")
	}
	return nil, usagef("there is no pool %q%s", report.Clean(name), config.DidYouMean(name, names))
}

// surveyPools gathers what is known, and with --scan asks the networks of
// those pools that are on this node.
func (a *app) surveyPools(ctx context.Context, l *look, pools []lease.Pool, o mapOptions) ([]evidence.ProbeResult, error) {
	var targets []target
	if o.scan {
		var err error
		if targets, err = (ground{node: l.Node, pools: pools}).everywhere(""); err != nil {
			return nil, err
		}
	}
	surveys, _, err := a.sweep(ctx, l, targets, o.scanOptions)
	var heard []evidence.ProbeResult
	for i, s := range surveys {
		if s.Doubt != "" {
			l.Remarks = append(l.Remarks, evidence.Remark{Source: "wire", Text: fmt.Sprintf("who is silent on %s can't be told: %s", targets[i].segment, report.Clean(s.Doubt))})
		}
		heard = append(heard, s.Heard...)
	}
	return heard, err
}

// mapped is the result as JSON has it.
type mapped struct {
	Pools   []mappedPool      `json:"pools"`
	Remarks []evidence.Remark `json:"remarks,omitempty"`
}

// mappedPool is one pool: how many addresses of its network have which mark,
// and those that anything is known of.
type mappedPool struct {
	Pool      string                `json:"pool"`
	Segment   string                `json:"segment"`
	Subnet    string                `json:"subnet"`
	Count     map[evidence.Mark]int `json:"count"`
	Addresses []evidence.Cell       `json:"addresses"`
}

func newMapped(plots []evidence.Map, remarks []evidence.Remark) mapped {
	out := mapped{Pools: []mappedPool{}, Remarks: remarks}
	for _, p := range plots {
		m := mappedPool{
			Pool: p.Pool.Name, Segment: p.Pool.Segment().String(), Subnet: p.Pool.Subnet.String(),
			Count: p.Count(), Addresses: append([]evidence.Cell{}, p.Spots...),
		}
		out.Pools = append(out.Pools, m)
	}
	return out
}

func (a *app) mapScreen(plots []evidence.Map) error {
	b := ui.NewPage(a.out)
	c := canvas{width: b.Width, colours: ui.TerminalOf(a.out).Colours()}
	for i, p := range plots {
		if i > 0 {
			b.WriteString("\n")
		}
		b.Wrap(poolTitle(p.Pool), "")
		b.WriteString(c.picture(p))
		b.WriteString(c.legend(p))
		troubles(b, p)
	}
	return b.Show(a.out)
}

// poolTitle reads "lan: 10.0.0.0/24 on vmbr0, leases 10.0.0.200-10.0.0.239".
func poolTitle(p lease.Pool) string {
	ranges := make([]string, len(p.Ranges))
	for i, r := range p.Ranges {
		ranges[i] = r.String()
	}
	return fmt.Sprintf("%s: %s on %s, leases %s", p.Name, p.Subnet, p.Segment(), strings.Join(ranges, ", "))
}

// mostTroubles is how many are named below a picture.
const mostTroubles = 8

// troubles names the strangers and conflicts of a picture, the worst first.
func troubles(b *ui.Page, p evidence.Map) {
	left := 0
	for _, want := range []evidence.Mark{evidence.Clash, evidence.Stranger} {
		for _, s := range p.Spots {
			if s.Mark != want {
				continue
			}
			if left++; left > mostTroubles {
				continue
			}
			text := strings.TrimPrefix(s.Verdict, s.Addr.String()+" ")
			b.Wrap(s.Addr.String()+" "+text, string(inks(want).sign)+" ")
		}
	}
	if left > mostTroubles {
		fmt.Fprintf(b, "and %d more; 'pve-iplease audit' lists them\n", left-mostTroubles)
	}
}
