package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pve-iplease/internal/config"
	"pve-iplease/internal/lease"
)

// poolFlag says what a property of a pool is for.
func poolFlag(property string) string {
	switch property {
	case "bridge":
		return "`BRIDGE` that the guests' net0 names"
	case "vlan":
		return "VLAN `TAG` that net0 has, 1 to 4094"
	case "nodes":
		return "`NODES` where the bridge is this network (default all)"
	case "subnet":
		return "`NETWORK` that the guests are in, like 10.0.0.0/24"
	case "gateway":
		return "gateway's `ADDRESS`, or none: no default route"
	case "range":
		return "`ADDRESSES` to lease: FIRST-LAST, single ones, networks"
	case "exclude":
		return "`ADDRESSES` of the range that are not to be leased"
	case "subnet6":
		return "IPv6 `NETWORK` that the guests are in, like fd00:1::/64"
	case "gateway6":
		return "IPv6 gateway's `ADDRESS`, or none"
	case "range6":
		return "IPv6 `ADDRESSES` to lease"
	case "exclude6":
		return "IPv6 `ADDRESSES` that are not to be leased"
	case "strategy6":
		return "the same for IPv6; this `WORD` may be eui64, too"
	case "nics":
		return "interfaces it serves, `NAMES` like net0,net1 or all"
	case "announce":
		return "tell the network of a new address, `WORD`: yes, no"
	case "strategy":
		return "begin the search by this `WORD`: first, vmid, spread"
	case "dhcp":
		return "do this `WORD` with ip=dhcp: lease, keep"
	case "on-conflict":
		return "if a stranger has it, do this `WORD`: move, fail"
	case "unproven":
		return "if nothing proves it, do this `WORD`: fail, start"
	case "hold":
		return "keep it this `TIME` for a stopped guest: 24h, forever"
	case "probe":
		return "ask like this `WORD`: default, fast, careful, rfc5227"
	case "comment":
		return "any `TEXT`"
	}
	return ""
}

func (a *app) poolAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add NAME --bridge BRIDGE --subnet NETWORK --range ADDRESSES [...]", Short: "Add a pool to the pools file",
		Args: takes("the pool's name"), DisableFlagsInUseLine: true,
		Long: `Add a pool to the pools file. Each flag is a property; one that takes a list may
be repeated. The file is written only if the pool in it makes sense.`,
	}
	props, check := poolProperties(cmd), forceFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		change := config.Add("pool", args[0], props()...)
		err := a.change(c.Context(), *check, func(edit) ([]config.Change, error) { return []config.Change{change}, nil })
		if err == nil {
			fmt.Fprintf(a.out, "pool %s is there; 'pve-iplease pool list' shows it\n", args[0])
		}
		return err
	}
	return cmd
}

func (a *app) poolSetCommand() *cobra.Command {
	var gone []string
	cmd := &cobra.Command{
		Use: "set NAME --PROPERTY VALUE [...] [--delete PROPERTY]", Short: "Change properties of a pool",
		Args: takes("the pool's name"), DisableFlagsInUseLine: true,
		Long: `Change properties of a pool in the pools file, and nothing else in it. Each flag
is a property; one that takes a list may be repeated, and replaces the list that
is there. Leases are kept: see "pools.cfg" in the manual.`,
	}
	props, check := poolProperties(cmd), forceFlag(cmd)
	cmd.Flags().StringSliceVar(&gone, "delete", nil, "remove this `PROPERTY`, so that its default holds")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		all := props()
		for _, key := range gone {
			if slices.ContainsFunc(all, func(p config.Prop) bool { return p.Key == key }) {
				return usagef("--%s and --delete %s exclude each other", key, key)
			}
			all = append(all, config.Prop{Key: key})
		}
		if len(all) == 0 {
			return usagef("nothing to set is named")
		}
		change := config.Set("pool", args[0], all...)
		err := a.change(c.Context(), *check, func(edit) ([]config.Change, error) { return []config.Change{change}, nil })
		if err == nil {
			fmt.Fprintf(a.out, "pool %s: %s\n", args[0], settings(all))
		}
		return err
	}
	return cmd
}

// settings reads gateway 10.0.0.1, no exclude.
func settings(props []config.Prop) string {
	var all []string
	for _, p := range props {
		if len(p.Values) == 0 {
			all = append(all, "no "+p.Key)
			continue
		}
		all = append(all, p.Key+" "+strings.Join(p.Values, ","))
	}
	return strings.Join(all, ", ")
}

func forceFlag(cmd *cobra.Command) *tolerance {
	t := unlessForced
	cmd.Flags().BoolFunc("force", "write the file in spite of warnings", func(string) error { t = warnings; return nil })
	return &t
}

// poolProperties makes a flag of every property and returns those that were
// given.
func poolProperties(cmd *cobra.Command) func() []config.Prop {
	flags := cmd.Flags()
	flags.SortFlags = false
	words := config.PoolWords()
	for _, w := range words {
		if w.List {
			flags.StringArray(w.Key, nil, poolFlag(w.Key))
		} else {
			flags.String(w.Key, "", poolFlag(w.Key))
		}
	}
	cmd.SetFlagErrorFunc(suggestProperty)
	return func() (props []config.Prop) {
		for _, w := range words {
			if f := flags.Lookup(w.Key); f.Changed {
				props = append(props, config.Prop{Key: w.Key, Values: values(f)})
			}
		}
		return props
	}
}

func values(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// suggestProperty names the property that a misspelt flag was meant to be.
func suggestProperty(_ *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return usageError{err}
	}
	var keys []string
	for _, w := range config.PoolWords() {
		keys = append(keys, w.Key)
	}
	return usagef("there is no property %q%s", name, config.DidYouMean(name, keys))
}

func (a *app) poolRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove NAME [--yes]", Short: "Remove a pool from the pools file",
		Args: takes("the pool's name"), DisableFlagsInUseLine: true,
		Long: `Remove a pool from the pools file. While addresses of it are leased or reserved
that takes --yes: their guests keep what their configs say, but nothing guards
those addresses any more.`,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "remove the pool although addresses of it are leased or reserved")
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runPoolRemove(c.Context(), args[0], yes) }
	return cmd
}

func (a *app) runPoolRemove(ctx context.Context, name string, yes bool) error {
	err := a.change(ctx, warnings, func(e edit) ([]config.Change, error) {
		if left := e.left(name); left != "" && !yes {
			return nil, fmt.Errorf("pool %s: %s; '--yes' removes it all the same", name, left)
		}
		return []config.Change{config.Remove("pool", name)}, nil
	})
	if err == nil {
		fmt.Fprintf(a.out, "pool %s is removed\n", name)
	}
	return err
}

// left is what would lose its pool: leases and reservations.
func (e edit) left(name string) string {
	if slices.ContainsFunc(e.pools.Disabled, func(d config.Disabled) bool { return d.Kind == "pool" && d.Name == name }) {
		return "something is wrong with it, so what is leased of it can't be told"
	}
	var all []string
	for i := range e.pools.Pools { // one a family
		if p := &e.pools.Pools[i]; p.Name == name {
			all = append(all, e.leasesOf(p)...)
		}
	}
	const most = 3
	if n := len(all); n > most {
		all = append(all[:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(all, ", ")
}

func (e edit) leasesOf(p *lease.Pool) (all []string) {
	for l := range leasesOf(e.pools.Pools, p, e.leases) {
		if l.Living() {
			all = append(all, l.Addr.String()+" is leased to "+l.Owner.Guest())
		}
	}
	for _, r := range e.pools.Reservations {
		if e.pools.Pools.Of(lease.Key{Segment: p.Segment(), Addr: r.Addr}) == p {
			all = append(all, r.Addr.String()+" is reserved")
		}
	}
	return all
}
