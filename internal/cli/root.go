package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pve-iplease/internal/hook"
)

const about = `pve-iplease leases IP addresses to Proxmox VE containers: as their hookscript it
claims a free address from a pool before a container starts, proves by ARP that
nobody on the network uses it, and writes it into the container's net0.

As Proxmox calls it, and by hand for debugging:
  ` + hook.Synopsis + `

Exit codes: 0 done, 1 error, 2 usage, 3 address conflict, 4 pool exhausted,
5 lock or quorum.`

// root is the program itself with every command below it.
func (a *app) root() *cobra.Command {
	cmd := group("pve-iplease", "Lease proven-free IP addresses to Proxmox VE containers")
	cmd.Long = about
	a.versionFlag(cmd)
	cmd.PersistentPreRun = func(*cobra.Command, []string) { a.begun(a.place.Root) }
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetUsageFunc(usage)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := cmd.PersistentFlags()
	flags.StringVar(&a.place.Root, "root", "", "put `DIR` in front of every path of the host")
	flags.StringVar(&a.place.Config, "config", "", "read the pools from `FILE`, whatever node.cfg says")
	cmd.AddCommand(a.completionCommand())
	cmd.AddCommand(a.reserveCommand(), a.unreserveCommand(), a.importCommand(), a.exportCommand())
	cmd.AddCommand(a.listCommand(), a.getCommand(), a.acquireCommand(), a.releaseCommand(),
		a.confirmCommand(), a.renumberCommand(), a.moveCommand(), a.historyCommand(), a.reclaimCommand(), a.repairCommand(),
		a.poolCommand(), a.versionCommand(),
		a.whohasCommand(), a.scanCommand(), a.mapCommand(), a.withLive(a.auditCommand()), a.statusCommand(), a.doctorCommand(), a.rehearseCommand())
	cmd.AddCommand(a.setupCommand(), a.attachCommand(), a.detachCommand())
	cmd.AddCommand(a.applyCommand())
	return cmd
}

// group is a command that only holds others.
func group(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name + " COMMAND", Short: short, DisableFlagsInUseLine: true, SuggestionsMinimumDistance: 1,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("a command is missing")
			case len(c.SuggestionsFor(args[0])) > 0:
				return usagef("there is no command %q; did you mean %q?", args[0], c.SuggestionsFor(args[0])[0])
			}
			return usagef("there is no command %q", args[0])
		},
		// Without it cobra would print help and call it a success.
		RunE: func(*cobra.Command, []string) error { return nil },
	}
}

// takes says which arguments a command must have.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

// mayTake is for a command that can do without its only argument.
func mayTake(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return takes(name)(c, args)
	}
}

// usage is what --help shows below a command's description.
func usage(c *cobra.Command) error {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
	if c.HasAvailableSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
		list := commands(c, "")
		width := 0
		for _, l := range list {
			width = max(width, len(l[0]))
		}
		for _, l := range list {
			fmt.Fprintf(w, "  %-*s  %s\n", width, l[0], l[1])
		}
	}
	c.LocalFlags() // enters the inherited ones into Flags
	fmt.Fprintf(w, "\nFlags:\n%s", flags(c.Flags()))
	return nil
}

// flags are a line a flag. What pflag itself makes of them says of each switch
// that it may be set to true or false.
func flags(set *pflag.FlagSet) string {
	var lines [][2]string
	width := 0
	set.VisitAll(func(f *pflag.Flag) {
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		value, text := pflag.UnquoteUsage(f)
		if value != "" && f.Value.Type() != "bool" {
			name += " " + value
		}
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
			if f.Value.Type() == "string" {
				d = strconv.Quote(d)
			}
			text += fmt.Sprintf(" (default %s)", d)
		}
		if !f.Hidden {
			lines, width = append(lines, [2]string{name, text}), max(width, len(name))
		}
	})
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%-*s   %s\n", width, l[0], l[1])
	}
	return b.String()
}

// commands are every command below c, with the groups spelled out, and what it
// does.
func commands(c *cobra.Command, prefix string) (list [][2]string) {
	for _, sub := range c.Commands() {
		switch {
		case sub.Hidden || sub.Name() == "help":
		case sub.HasAvailableSubCommands():
			list = append(list, commands(sub, prefix+sub.Name()+" ")...)
		default:
			list = append(list, [2]string{prefix + sub.Name(), sub.Short})
		}
	}
	return list
}
