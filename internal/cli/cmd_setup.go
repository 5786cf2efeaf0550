package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// setupOptions are answers that were given as flags.
type setupOptions struct {
	bridge, subnet, gateway, span, name string
	attach                              []string
	yes                                 bool
}

func (a *app) setupCommand() *cobra.Command {
	var o setupOptions
	cmd := &cobra.Command{
		Use:   "setup [--bridge NAME] [--subnet NETWORK] [--gateway ADDRESS] [--range ADDRESSES] [--name POOL] [--attach VMID,...|all] [--yes]",
		Short: "Look at this node's network and make the first pool", Args: takes(), DisableFlagsInUseLine: true,
		Long: `Look at this node's network, propose a pool, write it after a yes, check the
whole with the doctor, and offer to attach containers. The network is asked for
every address by ARP, and once for DHCP servers, whose offer is never taken.

On a terminal it asks for what can't be found out. Elsewhere it asks nothing,
and says which flags it needs; with --yes it does what it would propose. Where
a DHCP server gives out addresses the range must be named: only its owner knows
which addresses that server leaves alone.`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.bridge, "bridge", "", "`NAME` of the bridge, with .VLAN (default the one to the gateway)")
	f.StringVar(&o.subnet, "subnet", "", "the `NETWORK` on it, like 10.0.0.0/24")
	f.StringVar(&o.gateway, "gateway", "", "the gateway's `ADDRESS`, or none")
	f.StringVar(&o.span, "range", "", "`ADDRESSES` to lease: FIRST-LAST, single ones, networks")
	f.StringVar(&o.name, "name", "", "the pool's `NAME` (default lan)")
	f.StringSliceVar(&o.attach, "attach", nil, "attach these `VMIDS`, or all that the pool serves")
	f.BoolVar(&o.yes, "yes", false, "write what is proposed, and ask nothing")
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runSetup(c.Context(), o) }
	return cmd
}

// errNotSetUp ends a dialogue that came to no pool.
var errNotSetUp = errors.New("nothing was written; run 'pve-iplease setup' again, or write the pools file by hand")

func (a *app) runSetup(ctx context.Context, o setupOptions) error {
	if len(o.attach) > 0 && !o.yes {
		return usagef("--attach is for a setup that asks nothing: add --yes")
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	if err := h.Quorate(ctx); err != nil {
		return err
	}
	v, err := newSurvey(h, o)
	if err != nil {
		return err
	}
	d := newDialogue(ctx, os.Stdin, a.out)
	if d.terminal {
		fmt.Fprintf(a.out, "looking at the network of %s, a few seconds ...\n", v.place())
	}
	if err := v.explore(ctx); err != nil {
		return err
	}
	if err := a.surveyScreen(v); err != nil {
		return err
	}
	if v.existing == nil {
		if err := a.makePool(ctx, v, d); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.out)
	if err := a.runDoctor(ctx, "text"); err != nil {
		return err
	}
	return a.offerAttach(ctx, o, d)
}

// makePool agrees on a pool, and writes it.
func (a *app) makePool(ctx context.Context, v *survey, d *dialogue) error {
	p := v.propose()
	switch {
	case v.opt.yes:
	case d.terminal:
		if err := a.agree(v, &p, d); err != nil {
			return err
		}
	default:
		return usagef("setup asks nothing without a terminal; this would do it:\n  %s", p.command())
	}
	if err := p.check(v); err != nil {
		return err
	}
	change := config.Add("pool", p.name, p.props(v)...)
	if err := a.change(ctx, warnings, func(edit) ([]config.Change, error) { return []config.Change{change}, nil }); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "pool %s is written to %s\n", p.name, v.file())
	return a.afterScreen(v, p)
}

// offerAttach shows what attaching would come to, and does it after a yes.
func (a *app) offerAttach(ctx context.Context, o setupOptions, d *dialogue) error {
	all := len(o.attach) == 0 || len(o.attach) == 1 && o.attach[0] == "all"
	var ids []pve.VMID
	for _, s := range o.attach {
		if all {
			break
		}
		id, err := pve.ParseVMID(s)
		if err != nil {
			return usageError{err}
		}
		ids = append(ids, id)
	}
	h, err := a.host() // with the new pool
	if err != nil {
		return err
	}
	p, err := newAttachment(ctx, h, attachOptions{all: all}, a.api(h))
	if err == nil {
		p.hint = "nothing is attached yet: 'pve-iplease attach --all --yes' does it, or name some"
		err = p.plan(ctx, ids)
	}
	if errors.Is(err, errNobody) {
		fmt.Fprintln(a.out, "\nno container is in this network yet; later: pve-iplease attach VMID --yes")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	if len(o.attach) == 0 {
		if err := a.attachScreen(p); err != nil || !p.any() || !d.yes("Attach them?", false) {
			return err
		}
	}
	p.carryOut(ctx)
	if p.failed() {
		a.code = hook.Failed
	}
	return a.attachScreen(p)
}

// any reports whether there is something to do.
func (p *attachment) any() bool {
	for _, s := range p.Guests {
		if s.Action == doAttach {
			return true
		}
	}
	return false
}

// command is the call that needs no answers.
func (p pool) command() string {
	words := []string{"pve-iplease setup", "--bridge", p.segment.String(), "--subnet", orWord(p.subnet, "NETWORK"), "--gateway", orWord(p.gateway, "ADDRESS")}
	words = append(words, "--range", orWord(p.span, "FIRST-LAST"), "--name", p.name, "--yes")
	return strings.Join(words, " ")
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}
