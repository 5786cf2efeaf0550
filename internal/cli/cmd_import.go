package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/phoenix"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

func (a *app) importCommand() *cobra.Command {
	cmd := group("import", "Take over addresses that are kept elsewhere")
	cmd.AddCommand(a.importPhoenixCommand())
	return cmd
}

func (a *app) importPhoenixCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "phoenix FILE... [--yes] [--output-format text|json]", Short: "Take over the addresses of Phoenix's files",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("a file is missing, like phoenix_lxc_configs.json")
			}
			return nil
		},
		Long: `Take over the addresses of Phoenix's files (phoenix_lxc_configs.json,
phoenix_vm_configs.json, phoenix_hypervisor_config.json) into the pools file:
those of containers become reservations, those of virtual machines, the host,
gateways and name servers become excludes. The plan is shown, and written with
--yes. What is there already is left as it is.`,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "write what the plan says")
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runImportPhoenix(c.Context(), args, yes, *f) }
	return cmd
}

func (a *app) runImportPhoenix(ctx context.Context, files []string, yes bool, f format) error {
	site, err := a.readPhoenix(files)
	if err != nil {
		return err
	}
	do := a.plan
	if yes {
		do = a.change
	}
	var steps []phoenix.Step
	err = do(ctx, warnings, func(e edit) (changes []config.Change, err error) {
		if len(e.pools.Pools) == 0 {
			return nil, noPoolYet(site.Net)
		}
		var problems []config.Problem
		steps, changes, problems = phoenix.Plan(site, e.pools)
		if err := a.refuse(problems); err != nil {
			return nil, err
		}
		return changes, nil
	})
	if err != nil {
		return err
	}
	return a.showPlan(steps, yes, f)
}

// readPhoenix reads all files and tells everything that is wrong with them.
func (a *app) readPhoenix(files []string) (phoenix.Site, error) {
	var sites []phoenix.Site
	var problems []config.Problem
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return phoenix.Site{}, err
		}
		s, found := phoenix.Read(name, data)
		sites, problems = append(sites, s), append(problems, found...)
	}
	all, found := phoenix.Join(sites...)
	return all, a.refuse(append(problems, found...))
}

// refuse tells what is wrong with somebody's files.
func (a *app) refuse(problems []config.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	for i := range problems {
		p := &problems[i]
		p.File, p.Section, p.Text = report.Clean(p.File), report.Clean(p.Section), report.Clean(p.Text)
		if i < len(problems)-1 {
			a.log().Error(p.Error(), report.Fields{})
		}
	}
	return problems[len(problems)-1]
}

// noPoolYet says how to make the pool that addresses are reserved in.
func noPoolYet(n phoenix.Net) error {
	word := func(found, otherwise string) string {
		if found == "" {
			return otherwise
		}
		return report.Clean(found)
	}
	return fmt.Errorf("the pools file has no pool yet to reserve addresses in; add one, like "+
		"'pve-iplease pool add lan --bridge %s --subnet %s --gateway %s --range FIRST-LAST'",
		word(n.Bridge, "vmbr0"), word(n.Subnet, "NETWORK"), word(n.Gateway, "ADDRESS"))
}

// planRow is a step as it is shown.
type planRow struct {
	Address string `json:"address,omitempty"`
	Becomes string `json:"becomes,omitempty"`
	For     string `json:"for"`
	Reason  string `json:"reason,omitempty"`
}

func (a *app) showPlan(steps []phoenix.Step, done bool, f format) error {
	rows := []planRow{}
	count := map[string]int{}
	for _, s := range steps {
		r := planRow{Becomes: s.Becomes, For: report.Clean(s.For), Reason: report.Clean(s.Why)}
		if s.Addr.IsValid() {
			r.Address = s.Addr.String()
		}
		count[s.Becomes]++
		rows = append(rows, r)
	}
	if f == "json" {
		return ui.JSON(a.out, rows)
	}
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{ui.Dash(r.Address), ui.Dash(r.Becomes), r.For, r.Reason})
	}
	if err := ui.Table(a.out, "ADDRESS BECOMES OF REMARK", cells); err != nil {
		return err
	}
	what := ui.Plural(count[phoenix.Reserved], "reservation") + " and " + ui.Plural(count[phoenix.Excluded], "exclude")
	switch {
	case count[phoenix.Reserved]+count[phoenix.Excluded] == 0:
		fmt.Fprintln(a.out, "\nthere is nothing to write")
	case done:
		fmt.Fprintf(a.out, "\n%s are written\n", what)
	default:
		fmt.Fprintf(a.out, "\n%s would be written; '--yes' writes them\n", what)
	}
	return nil
}

func (a *app) exportPhoenixCommand() *cobra.Command {
	var in, out string
	cmd := &cobra.Command{
		Use: "phoenix --in FILE [--out FILE]", Short: "Write leased addresses into Phoenix's containers", Args: takes(), DisableFlagsInUseLine: true,
		Long: `Print phoenix_lxc_configs.json byte for byte, but with the leased addresses and
their gateways in ip and gw of the containers.`,
	}
	cmd.Flags().StringVar(&in, "in", "", "`FILE` to read, like phoenix_lxc_configs.json")
	outFlag(cmd, &out)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runExportPhoenix(c.Context(), in, out) }
	return cmd
}

func (a *app) runExportPhoenix(ctx context.Context, in, out string) error {
	if in == "" {
		return usagef("--in FILE is missing")
	}
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	leased, err := leasedAddresses(ctx, h)
	if err != nil {
		return err
	}
	text, problems := phoenix.Rewrite(in, data, leased)
	if err := a.refuse(problems); err != nil {
		return err
	}
	return a.deliver(ctx, h, out, text)
}
