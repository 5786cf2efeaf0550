package cli

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

func (a *app) rehearseCommand() *cobra.Command {
	var after time.Duration
	cmd := &cobra.Command{
		Use: "rehearse [--after TIME] [--passive | --rate N] [--output-format text|json]", Short: "Say who would not come back if the power failed now", Args: takes(),
		Long: `Say who would not come back, or come back with another address, if the power of
the whole cluster failed now. Every guest that Proxmox starts by itself, because
of onboot or of high availability, is started by the real hook on a copy of the
ledger, one after the other in Proxmox's order, and on every node that it could
come to. Nothing is changed. The network is asked for every address that
anything names, 200 packets in a second, since monitoring may call this every
hour: 500 guests take 8 seconds. Where switches inspect ARP use --rate 14, as
'pve-iplease scan --help' explains.

Exit code 0 when all come back with their address, 3 when an address that two
want is the reason why somebody doesn't, 1 for any other reason.`,
	}
	ask := askFlags(cmd, gentleRate)
	cmd.Flags().DurationVar(&after, "after", 0, "the power comes back after this `TIME`, like 48h")
	cmd.Flags().Lookup("after").DefValue = ""
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runRehearse(c.Context(), after, *ask, *f) }
	return cmd
}

// rehearsed is the result as JSON has it.
type rehearsed struct {
	Guests  []evidence.Return `json:"guests"`
	Idle    []string          `json:"idle,omitempty"` // run now, and nobody starts them
	Starts  int               `json:"starts"`
	Remarks []evidence.Remark `json:"remarks,omitempty"`
}

func (a *app) runRehearse(ctx context.Context, after time.Duration, ask asking, f format) error {
	if after < 0 {
		return usagef("--after %s: the power can't come back before it fails", after)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	l := newLook(h)
	wait, cancel := deadline(ctx, h)
	defer cancel()
	l.gather(wait)
	heard, err := l.askNamed(ctx, ask)
	if err != nil {
		return err
	}
	stage, err := l.newStage(ctx, after, heard)
	if err != nil {
		return err
	}
	out := rehearsed{Guests: stage.play(ctx), Idle: l.Idle(stage.boots), Starts: stage.starts}
	out.Remarks = l.Remarks
	a.code = verdictCode(out.Guests)
	if l.blind() && a.code == hook.OK {
		a.code = hook.Failed
	}
	if f == "json" {
		return ui.JSON(a.out, out)
	}
	a.tellRemarks(out.Remarks)
	return a.rehearseScreen(out)
}

// verdictCode is the exit code: a conflict is worth more than other reasons.
func verdictCode(all []evidence.Return) int {
	code := hook.OK
	for _, r := range all {
		switch {
		case r.Code == hook.Conflict:
			return hook.Conflict
		case r.Grade != evidence.OK:
			code = hook.Failed
		}
	}
	return code
}

// stage is where the guests come up.
type stage struct {
	*look
	outage *hook.Outage
	boots  []evidence.Boot
	starts int
}

func (l *look) newStage(ctx context.Context, after time.Duration, heard []evidence.ProbeResult) (*stage, error) {
	s := &stage{look: l}
	s.boots = l.Boots(l.readGuest, evidence.ReadHA(l.host.Node.Path), l.nodes())
	var err error
	if s.outage, err = l.host.Outage(ctx, after, l.readGuest); err != nil {
		return nil, err
	}
	there := l.Remaining(heard, s.boots)
	s.outage.Heard = func(node string, at probe.Place, addr netip.Addr) []pve.MAC {
		return there(pve.NewSegment(at.Bridge, at.Tag, node), addr)
	}
	s.outage.Closed = l.closed()
	return s, nil
}

// nodes are those of the cluster.
func (l *look) nodes() []string {
	if members := l.host.Node.Members(); len(members) > 0 {
		return members
	}
	var names []string
	entries, _ := os.ReadDir(l.host.Node.Path("/etc/pve/nodes"))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// closed tells which bridges are networks of one node alone: of this node the
// kernel says so, of others the leases that were taken there.
func (l *look) closed() func(node, bridge string) bool {
	type place struct{ node, bridge string }
	known := map[place]bool{}
	for le := range l.Table.All() {
		if n := le.Claim.Node; n != "" && n == le.Segment.Nodes {
			known[place{n, le.Segment.Bridge}] = true
		}
	}
	return func(node, bridge string) bool {
		p := place{node, bridge}
		if _, asked := known[p]; node == l.Node && !asked {
			w, closed, err := l.host.Open(probe.Place{Bridge: bridge})
			if err == nil {
				w.Close()
			}
			known[p] = err == nil && closed
		}
		return known[p]
	}
}

// play starts every guest on its own node, then each that may come to another
// one there, as if it had not started before.
func (s *stage) play(ctx context.Context) []evidence.Return {
	starts := make([][]evidence.Start, len(s.boots))
	for i, b := range s.boots {
		if b.Guest.Hooked {
			starts[i] = append(starts[i], s.start(ctx, s.outage, b, b.Guest.Node))
		}
	}
	out := []evidence.Return{}
	for i, b := range s.boots {
		for _, n := range b.Nodes[1:] {
			if b.Guest.Hooked {
				starts[i] = append(starts[i], s.start(ctx, s.outage.Without(b.Guest.VMID), b, n))
			}
		}
		out = append(out, s.Return(b, starts[i]))
	}
	return out
}

// start is one start of one guest.
func (s *stage) start(ctx context.Context, o *hook.Outage, b evidence.Boot, node string) evidence.Start {
	s.starts++
	conf := guest.Parse(b.Guest.Kind, b.Raw)
	st := evidence.Start{Node: node, Script: s.ScriptFor(conf.Hookscript(), node, s.host.Node.Path).Problem, Unserved: s.unserved(conf, b.Guest.Node, node)}
	if st.Script != "" {
		st.Before = s.had(b.Guest, conf)
		return st
	}
	came := o.Boot(ctx, b.Guest.VMID, node)
	st.Code, st.Errors, st.Warns = came.Code, came.Errors, came.Warns
	st.Before, st.After = s.had(b.Guest, conf), running(came.After)
	return st
}

// had are the addresses that a guest has: what its config names, or where that
// names none, what the ledger keeps for it.
func (s *stage) had(g lease.Guest, conf guest.Config) []netip.Addr {
	if named := running(conf.Uses(g.VMID)); len(named) > 0 {
		return named
	}
	var leased []lease.Use
	for _, l := range s.Table.Guest(g.Kind, g.VMID) {
		leased = append(leased, lease.Use{Addr: l.Addr})
	}
	return running(leased)
}

// running are the addresses that a guest starts with, sorted.
func running(uses []lease.Use) (all []netip.Addr) {
	for _, u := range uses {
		if u.Where == lease.Running {
			all = append(all, u.Addr)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// unserved lists the guest's networks that a pool serves at home and none
// serves on a node.
func (s *stage) unserved(conf guest.Config, home, node string) (all []string) {
	serves := func(n string, nic guest.NIC) bool {
		return slices.ContainsFunc(s.Pools, func(p lease.Pool) bool { return p.Serves(n, nic.Bridge, nic.Tag) })
	}
	for _, n := range conf.NICs() {
		if nic, err := conf.NIC(n); err == nil && serves(home, nic) && !serves(node, nic) {
			all = append(all, pve.NewSegment(nic.Bridge, nic.Tag).String())
		}
	}
	return all
}

func (a *app) rehearseScreen(out rehearsed) error {
	b := ui.NewPage(a.out)
	count := map[evidence.Grade]int{}
	for _, r := range out.Guests {
		count[r.Grade]++
		label := fmt.Sprintf("%-8s ", r.Grade)
		b.Wrap(r.Text, label)
		advice(b, r.Do, len(label))
	}
	if len(out.Guests) == 0 {
		b.WriteString("no guest starts by itself: none is marked onboot or has high availability\n")
	}
	if len(out.Idle) > 0 {
		b.WriteString("\n")
		b.Wrap(fmt.Sprintf("running now, and started by nobody then: %s; to change that, 'pct set VMID --onboot 1'", strings.Join(out.Idle, ", ")), "")
	}
	b.WriteString("\n")
	b.Wrap(fmt.Sprintf("rehearsed: %s of %s; %d come back as they are, %d with a doubt, %d not",
		ui.Plural(out.Starts, "start"), ui.Plural(len(out.Guests), "guest"), count[evidence.OK], count[evidence.Doubtful], count[evidence.Wrong]), "")
	return b.Show(a.out)
}
