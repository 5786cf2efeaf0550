package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/doctor"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/node"
	"pve-iplease/internal/ui"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor [--forget-gateways] [--output-format text|json]", Short: "Check that the nodes are set up right", Args: takes(),
		Long: `Check that this node is set up right, and the others as far as can be seen from
here: cluster and quorum, hookscripts, versions, pools and node.cfg, the ledger,
bridges, the gateways that this node has heard, permissions, the clock. Every
line is ok, a warning or an error, with what to do about it. A word in the
configuration that is not known is an error here. Nothing is changed and nothing put on the network. Run it on every node.
Exit code 0 when there is no error, whatever is warned of, and 1 when there is.`,
	}
	forget := cmd.Flags().Bool("forget-gateways", false, "first forget which gateways have answered on this node: none that is silent is missed then")
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if *forget {
			if err := a.forgetGateways(); err != nil {
				return err
			}
		}
		return a.runDoctor(c.Context(), *f)
	}
	return cmd
}

// forgetGateways ends the wait for gateways that are gone.
func (a *app) forgetGateways() error {
	n, err := node.Open(a.place.Root)
	if err != nil {
		return err
	}
	_, err = n.ForgetGateways()
	return err
}

// doctorPatience is how long the doctor waits for a cluster file system that hangs.
const doctorPatience = 15 * time.Second

func (a *app) runDoctor(ctx context.Context, f format) error {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	setup, err := doctor.LookAtSetup(ctx, doctor.Examined{
		Root: a.place.Root, Config: a.place.Config, Version: a.place.Version, Now: time.Now(),
	})
	if err != nil {
		return err
	}
	out := newDiagnosis(setup)
	if out.Errors > 0 {
		a.code = hook.Failed
	}
	if f == "json" {
		return ui.JSON(a.out, out)
	}
	return a.doctorScreen(out)
}

// diagnosis is the result as JSON has it.
type diagnosis struct {
	Node     string           `json:"node"`
	Version  string           `json:"version"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Checks   []evidence.Check `json:"checks"`
}

func newDiagnosis(s *doctor.Setup) diagnosis {
	d := diagnosis{Node: s.Node, Version: s.Version, Checks: doctor.Examine(s)}
	for _, c := range d.Checks {
		switch c.Grade {
		case evidence.Wrong:
			d.Errors++
		case evidence.Doubtful:
			d.Warnings++
		}
	}
	return d
}

// doctorScreen prints a line or more a check. What is to be pasted is never
// wrapped.
func (a *app) doctorScreen(d diagnosis) error {
	b := ui.NewPage(a.out)
	for _, c := range d.Checks {
		label := fmt.Sprintf("%-8s %-11s ", c.Grade, c.About)
		b.Wrap(c.Text, label)
		advice(b, c.Do, len(label))
	}
	fmt.Fprintf(b, "\n%s, %s, %d in order\n", ui.Plural(d.Errors, "error"), ui.Plural(d.Warnings, "warning"), len(d.Checks)-d.Errors-d.Warnings)
	return b.Show(a.out)
}
