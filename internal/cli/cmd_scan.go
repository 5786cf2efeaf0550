package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/ui"
)

// scanOptions are the flags of a scan.
type scanOptions struct {
	bridge string
	rate   int
	fast   bool
	format *format
}

func (a *app) scanCommand() *cobra.Command {
	var o scanOptions
	cmd := &cobra.Command{
		Use: "scan [POOL|CIDR] [--bridge NAME] [--rate N | --fast] [--output-format text|json]", Short: "Ask a whole network who is there", Args: mayTake("a pool or a network"),
		Long: `Ask a whole network by ARP who is there, and say of each address who answers,
and what the ledger says of it: of a pool's network, of any other up to a /16,
or, without an argument, of all pools on this node's bridges. A /24 takes under
a second, a /16 a minute, or five seconds with --fast, which sends more packets
than slow hosts can answer.

Switches that inspect ARP may close a port that sends over 15 such packets in a
second (Cisco: dynamic ARP inspection). On such a network use --rate 14.

Exit code 3 on a conflict, 1 when the network can't tell, or the ledger or the
guests' configs can't be read.`,
	}
	cmd.Flags().StringVar(&o.bridge, "bridge", "", "the `NAME` of the bridge that carries the network, with .VLAN")
	rateFlag(cmd, &o.rate, probe.SweepRate)
	cmd.Flags().BoolVar(&o.fast, "fast", false, "send 30000, and don't wait for slow hosts")
	o.format = formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if o.fast && o.rate != 0 {
			return usagef("--fast and --rate exclude each other")
		}
		return a.runScan(c.Context(), slices.Concat(args, []string{""})[0], o)
	}
	return cmd
}

// rate is the value of --rate, packets in a second; 0 is the default.
type rate int

// maxRate is more than a socket can send.
const maxRate = 1_000_000

func rateFlag(cmd *cobra.Command, n *int, usual int) {
	cmd.Flags().Var((*rate)(n), "rate", fmt.Sprintf("send `N` packets in a second (default %d)", usual))
}

func (r *rate) String() string { return "" } // no default that the usage would show

// Type names the flag's value in the usage.
func (*rate) Type() string { return "N" }

// Set accepts what can be kept up with.
func (r *rate) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxRate {
		return fmt.Errorf("it is a number from 1 to %d", maxRate)
	}
	*r = rate(n)
	return nil
}

// scanned is the result as JSON has it.
type scanned struct {
	Networks []network         `json:"networks"`
	Remarks  []evidence.Remark `json:"remarks,omitempty"`
}

// network is what was found out about one of them.
type network struct {
	Segment   string              `json:"segment"`
	Ranges    []string            `json:"ranges"`
	Pools     []string            `json:"pools,omitempty"`
	Asked     int                 `json:"asked"`
	Answering int                 `json:"answering"`
	Packets   int                 `json:"packets"`
	Seconds   float64             `json:"seconds"`
	Closed    bool                `json:"closed,omitempty"`
	Doubt     string              `json:"doubt,omitempty"` // why silence proves nothing
	Addresses []evidence.Resident `json:"addresses"`
	Proxies   []evidence.Proxy    `json:"proxies,omitempty"`
}

func (a *app) runScan(ctx context.Context, arg string, o scanOptions) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	l := newLook(h)
	targets, err := ground{h.Env.Name, h.Pools.Pools, evidence.BridgeAddresses}.targets(arg, o.bridge)
	if err != nil {
		a.tell(h.Problems)
		return err
	}
	surveys, took, ended := a.sweep(ctx, l, targets, o)
	out := scanned{Networks: []network{}, Remarks: l.Remarks}
	for i, s := range surveys {
		l.inspectVoices(s.Heard)
		n := newNetwork(l, targets[i], s)
		n.Seconds = took[i].Round(time.Millisecond).Seconds()
		out.Networks = append(out.Networks, n)
		a.judgeNetwork(n)
	}
	if a.code == hook.OK && l.unread() {
		a.code = hook.Failed
	}
	if *o.format == "json" {
		if err := ui.JSON(a.out, out); err != nil {
			return err
		}
		return ended
	}
	a.tellRemarks(out.Remarks)
	if err := a.scanScreen(out); err != nil {
		return err
	}
	return ended
}

// sweep asks the networks one after the other, and everything else meanwhile.
// Its error is that it was ended; what was heard until then is there.
func (a *app) sweep(ctx context.Context, l *look, targets []target, o scanOptions) (all []evidence.Survey, took []time.Duration, ended error) {
	ear, gathered := l.ear(lease.Key{}), make(chan struct{})
	go func() {
		ctx, cancel := deadline(ctx, l.host)
		defer cancel()
		l.gather(ctx)
		close(gathered)
	}()
	for _, t := range targets {
		if ended != nil {
			break
		}
		var s evidence.Survey
		began := time.Now()
		s, ended = a.sweepOne(ctx, ear, t, o)
		all, took = append(all, s), append(took, time.Since(began))
	}
	<-gathered
	l.Now = l.host.Env.Now()
	return all, took, ended
}

func (a *app) sweepOne(ctx context.Context, ear evidence.Prober, t target, o scanOptions) (evidence.Survey, error) {
	q := t.inquiry()
	pace := probe.SweepPreset(len(q.Addrs), o.fast)
	if o.rate != 0 {
		pace.Rate = o.rate
	}
	m := ui.NewMeter(a.err, t.String(), time.Now())
	defer m.Done()
	return ear.Sweep(ctx, q, pace, func(p probe.Progress) { m.Show(ui.Progress(p), time.Now()) })
}

func newNetwork(l *look, t target, s evidence.Survey) network {
	n := network{
		Segment: t.segment.String(), Pools: t.pools, Asked: s.Asked, Answering: len(s.Heard), Packets: s.Sent,
		Closed: s.Closed, Doubt: s.Doubt,
	}
	for _, r := range t.ranges {
		n.Ranges = append(n.Ranges, r.String())
	}
	n.Addresses, n.Proxies = l.Residents(s, t.has)
	if n.Addresses == nil {
		n.Addresses = []evidence.Resident{}
	}
	return n
}

// judgeNetwork turns what was found into the exit code.
func (a *app) judgeNetwork(n network) {
	conflict := slices.ContainsFunc(n.Addresses, func(r evidence.Resident) bool { return r.Severity == evidence.Conflict })
	switch {
	case conflict:
		a.code = hook.Conflict
	case n.Doubt != "" && a.code == hook.OK:
		a.code = hook.Failed
	}
}

// inspectVoices reads the configs of the guests that were heard, where their
// answers need an explanation.
func (l *look) inspectVoices(heard []evidence.ProbeResult) {
	var ids []pve.VMID
	for _, h := range heard {
		d := l.About(h.Addr, []evidence.ProbeResult{h}, nil)
		if evidence.Judge(d).Severity >= evidence.Warning {
			ids = append(ids, d.Involved()...)
		}
	}
	slices.Sort(ids)
	l.inspect(slices.Compact(ids)...)
}
