package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Write what makes a shell complete this program's words",
		Args: takes("the shell's name"), ValidArgs: []string{"bash", "zsh", "fish"}, DisableFlagsInUseLine: true,
		Long: `Write what makes a shell complete the words of this program: commands, options,
guests, pools and addresses. For bash, in ~/.bashrc or for all users:
  pve-iplease completion bash > /etc/bash_completion.d/pve-iplease
For zsh: pve-iplease completion zsh > /usr/local/share/zsh/site-functions/_pve-iplease
For fish: pve-iplease completion fish > ~/.config/fish/completions/pve-iplease.fish`,
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(a.out, true)
			case "zsh":
				return c.Root().GenZshCompletion(a.out)
			case "fish":
				return c.Root().GenFishCompletion(a.out, true)
			}
			return usagef("%q is none of the shells bash, zsh, fish", report.Clean(args[0]))
		},
	}
}

// completer finds words that could stand where the cursor is. It reads what
// lies on this host, locks nothing and asks nobody.
type completer struct{ *app }

// finder gives candidates, each with an optional description behind a tab.
type finder func() []string

// complete tells the shell of the arguments of every command, by its path.
func (a *app) complete(root *cobra.Command) {
	c := completer{a}
	arguments := map[string]finder{
		"get": c.guests, "release": c.guests, "renumber": c.containers, "attach": c.containers, "detach": c.containers,
		"acquire": nil, "history": c.either(c.leased, c.guests), "whohas": c.either(c.leased, c.guests),
		"move": c.leased, "reserve": c.leased, "unreserve": c.reserved, "scan": c.pools, "map": c.pools,
		"pool set": c.pools, "pool remove": c.pools,
	}
	flags := map[string]finder{
		"pool": c.pools, "to": c.containers, "guest": c.guests, "output-format": fixed("text", "json"),
		"strategy": fixed("first", "vmid", "spread"), "strategy6": fixed("first", "vmid", "spread", "eui64"),
		"dhcp": fixed("lease", "keep"), "on-conflict": fixed("move", "fail"), "unproven": fixed("fail", "start"),
		"announce": fixed("yes", "no"), "hold": fixed("24h", "7d", "forever"), "probe": fixed("default", "fast", "careful", "rfc5227"),
		"delete": properties, "columns": columnNames,
	}
	walk(root, func(cmd *cobra.Command, path string) {
		if cmd.ValidArgs == nil && path != "import phoenix" {
			cmd.ValidArgsFunction = suggest(arguments[path], path == "attach" || path == "detach")
		}
		for name, find := range flags {
			if cmd.LocalFlags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, suggest(find, true))
			}
		}
	})
	root.ValidArgsFunction = c.hookCall
}

// walk visits every command with its path below the root.
func walk(root *cobra.Command, visit func(c *cobra.Command, path string)) {
	for _, sub := range root.Commands() {
		_, path, _ := strings.Cut(sub.CommandPath(), " ")
		visit(sub, path)
		walk(sub, visit)
	}
}

// suggest makes a completion of words, of the first argument only unless a
// command takes many.
func suggest(find finder, many bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		var found []string
		if find != nil && (many || len(args) == 0) {
			found = find()
		}
		return matching(found, args, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// matching leaves those that begin like what is typed, and aren't there yet.
func matching(found, args []string, begun string) []string {
	return slices.DeleteFunc(found, func(s string) bool {
		word, _, _ := strings.Cut(s, "\t")
		return !strings.HasPrefix(word, begun) || slices.Contains(args, word)
	})
}

// hookCall completes "pve-iplease 101 pre-start".
func (c completer) hookCall(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var found []string
	switch len(args) {
	case 0:
		if begun != "" { // else the commands are what is meant
			found = c.containers()
		}
	case 1:
		found = []string{string(hook.PreStart), string(hook.PostStop)}
	}
	return matching(found, args, begun), cobra.ShellCompDirectiveNoFileComp
}

func fixed(list ...string) finder { return func() []string { return slices.Clone(list) } }

func properties() (all []string) {
	for _, w := range config.PoolWords() {
		all = append(all, w.Key)
	}
	return all
}

func (c completer) either(one, other finder) finder {
	return func() []string { return append(one(), other()...) }
}

// host is this host, and nothing if it can't be told.
func (c completer) host() *hook.Host {
	h, err := hook.NewHost(c.place, report.New(io.Discard, io.Discard, ""))
	if err != nil {
		return nil
	}
	return h
}

func (c completer) containers() []string { return c.configs("lxc", "CT") }

func (c completer) guests() []string {
	return append(c.containers(), c.configs("qemu-server", "VM")...)
}

// configs lists guests by the names of their config files.
func (c completer) configs(folder, kind string) (all []string) {
	h := c.host()
	if h == nil {
		return nil
	}
	files, _ := filepath.Glob(h.Node.Path("/etc/pve/nodes") + "/*/" + folder + "/*.conf")
	for _, f := range files {
		id, err := pve.ParseVMID(strings.TrimSuffix(filepath.Base(f), ".conf"))
		if err == nil {
			node := filepath.Base(filepath.Dir(filepath.Dir(f)))
			all = append(all, fmt.Sprintf("%s\t%s on %s", id, kind, node))
		}
	}
	return all
}

func (c completer) pools() (all []string) {
	h := c.host()
	if h == nil {
		return nil
	}
	for _, p := range h.Pools.Pools {
		word := p.Name + "\t" + p.Subnet.String()
		if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, p.Name+"\t") }) {
			all = append(all, word)
		}
	}
	return all
}

func (c completer) reserved() (all []string) {
	h := c.host()
	if h == nil {
		return nil
	}
	for _, r := range h.Pools.Reservations {
		all = append(all, r.Addr.String()+"\t"+report.Clean(strings.TrimSpace(forWhom(r)+" "+r.Comment)))
	}
	return all
}

func (c completer) leased() (all []string) {
	h := c.host()
	if h == nil {
		return nil
	}
	t, err := h.Ledger.View(context.Background())
	if err != nil {
		return nil
	}
	for l := range t.All() {
		whose := "in use by " + l.MAC.String()
		if l.Living() {
			whose = l.Owner.String() + " " + l.State.String()
		}
		all = append(all, l.Addr.String()+"\t"+whose)
	}
	return all
}
