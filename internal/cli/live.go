package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/ui"
)

// withLive gives audit its other half, which asks the guests instead of the
// network.
func (a *app) withLive(audit *cobra.Command) *cobra.Command {
	live := audit.Flags().Bool("live", false, "compare the leases with the addresses that running guests of\nall nodes report, and nothing else")
	audit.Use = strings.Replace(audit.Use, "[--passive", "[--live | --passive", 1)
	audit.Long += `

With --live the running guests of the whole cluster are asked, by Proxmox's API:
containers by their nodes, virtual machines by the guest agent in them. Run it
on one node, as root, or with an auditor's token in ` + pveapi.TokenFile + `.`
	network := audit.RunE
	audit.RunE = func(c *cobra.Command, args []string) error {
		if !*live {
			return network(c, args)
		}
		for _, other := range []string{"passive", "rate"} {
			if c.Flags().Changed(other) {
				return usagef("--live puts nothing on the network; give it without --%s", other)
			}
		}
		return a.runLive(c.Context(), format(c.Flag("output-format").Value.String()))
	}
	return audit
}

// lived is the result of audit --live.
type lived struct {
	Findings []liveFinding `json:"findings"`
	Compared struct {
		Leases  int `json:"leases"`
		Guests  int `json:"guests"`  // that reported
		Unasked int `json:"unasked"` // that run and couldn't be asked
	} `json:"compared"`
}

// The kinds of findings, the worst first.
const (
	liveConflict = "conflict"
	liveWarning  = "warning"
	liveUnknown  = "unknown"
)

// liveFinding is one thing that disagrees, or can't be told.
type liveFinding struct {
	Kind    string `json:"kind"`
	Guest   string `json:"guest"` // like ct/101
	Address string `json:"address,omitempty"`
	Text    string `json:"text"`
	leased  bool   // it leaves a lease in doubt
}

func (a *app) runLive(ctx context.Context, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	api, err := pveapi.ForReading(a.apiOptions(h))
	if err != nil {
		return err
	}
	c, err := newComparison(ctx, h)
	if err != nil {
		return err
	}
	if err := c.ask(ctx, api); err != nil {
		return err
	}
	out := c.judge()
	a.code = out.code()
	if f == "json" {
		return ui.JSON(a.out, out)
	}
	return a.liveScreen(out)
}

// code is the exit code: a lease that couldn't be compared leaves it open
// whether all is well.
func (l *lived) code() int {
	code := hook.OK
	for _, f := range l.Findings {
		switch {
		case f.Kind != liveUnknown:
			return hook.Conflict
		case f.leased:
			code = hook.Failed
		}
	}
	return code
}

func (a *app) liveScreen(l *lived) error {
	var b strings.Builder
	count := map[string]int{}
	for _, f := range l.Findings {
		count[f.Kind]++
		ui.Wrap(&b, f.Text, fmt.Sprintf("%-9s ", f.Kind), ui.Width)
	}
	if len(l.Findings) > 0 {
		b.WriteString("\n")
	}
	c := l.Compared
	text := fmt.Sprintf("compared: %s with what %s", ui.Plural(c.Leases, "lease"), reporting(c.Guests))
	if c.Unasked > 0 {
		text += fmt.Sprintf("; %s could not be asked", ui.Plural(c.Unasked, "guest"))
	}
	ui.Wrap(&b, text, "", ui.Width)
	if n, m := count[liveConflict], count[liveWarning]; n+m > 0 {
		fmt.Fprintf(&b, "%s, %s\n", ui.Plural(n, "conflict"), ui.Plural(m, "warning"))
	} else if len(l.Findings) > 0 {
		b.WriteString("nothing disagrees of what could be asked\n")
	} else {
		b.WriteString("nothing disagrees\n")
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// reporting reads "1 running guest reports", "2 running guests report".
func reporting(n int) string {
	if n == 1 {
		return "1 running guest reports"
	}
	return fmt.Sprintf("%d running guests report", n)
}
