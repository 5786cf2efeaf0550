package cli

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

func (a *app) whohasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "whohas IP|MAC|VMID|NAME [--output-format text|json]", Short: "Find out who has an address, with the evidence",
		Args: takes("an address, a VMID or a name"),
		Long: `Find out who has an address: on the network, by the kernel's tables, the ledger,
the guests' configs, DHCP servers and Proxmox's SDN. The last lines are the
verdict and what to do. Asked for a guest, a MAC address or a name, it judges
the addresses that belong to it. Exit code 3 on a conflict, 1 when the ledger or
the guests' configs can't be read.`,
	}
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runWhohas(c.Context(), args[0], *f) }
	return cmd
}

// maxAddresses is how many addresses of one guest are judged: they are asked
// for in one go, within what switches bear.
const maxAddresses = 4

func (a *app) runWhohas(ctx context.Context, arg string, f format) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	l := newLook(h)
	heard := l.listenEarly(ctx, arg)
	l.gatherWith(ctx, evidence.GlanceAtKernel)
	s, err := l.Find(arg)
	if errors.Is(err, evidence.ErrNothing) { // but perhaps to a bridge
		l.lookAtKernel()
		s, err = l.Find(arg)
	}
	if err != nil {
		a.tellRemarks(l.Remarks)
		return err
	}
	if l.unread() {
		a.code = hook.Failed
	}
	return a.showSubject(l.investigate(ctx, s, heard), f)
}

// headStart is how long it takes until the first questions are out, which work
// on other cores would hold up.
const headStart = 10 * time.Millisecond

// listenEarly begins to ask for an address of which the pools already tell
// the network, before everything else; without pools for it, nil.
func (l *look) listenEarly(ctx context.Context, arg string) <-chan []evidence.ProbeResult {
	addr, err := netip.ParseAddr(arg)
	if err != nil {
		return nil
	}
	ask := evidence.PoolInquiries(l.Pools, l.Node, addr.Unmap())
	for _, q := range ask {
		if q.Segment.Tag != 0 {
			return nil // it takes the kernel's list of bridges
		}
	}
	if len(ask) == 0 {
		return nil
	}
	defer time.Sleep(headStart)
	return l.listen(ctx, addr, ask)
}

// listen asks networks for addresses, of which one is given for the pace.
func (l *look) listen(ctx context.Context, a netip.Addr, ask []evidence.Inquiry) <-chan []evidence.ProbeResult {
	k := lease.Key{Addr: a}
	if len(ask) > 0 {
		k.Segment = ask[0].Segment
	}
	heard, ear := make(chan []evidence.ProbeResult, 1), l.ear(k)
	go func() { heard <- ear.Listen(ctx, ask) }()
	return heard
}

// lookAtKernel reads all tables of the kernel.
func (l *look) lookAtKernel() {
	k, err := evidence.LookAtKernel()
	if err != nil {
		l.Remarks = append(l.Remarks, evidence.Remark{Source: "kernel", Text: report.Clean(err.Error())})
		return
	}
	l.Kernel = k
}

// investigate asks the network, unless that is under way, and judges. What can
// wait until then is read while the network answers.
func (l *look) investigate(ctx context.Context, s evidence.Subject, heard <-chan []evidence.ProbeResult) finding {
	out := finding{Title: s.Title, Found: []judged{}}
	if len(s.Addrs) > maxAddresses {
		out.More = len(s.Addrs) - maxAddresses
		s.Addrs = s.Addrs[:maxAddresses]
	}
	if heard == nil && len(s.Addrs) > 0 {
		heard = l.listen(ctx, s.Addrs[0], l.Inquiries(s.Addrs))
	}
	past := l.past(s.Addrs)
	l.lookAtKernel()
	var voices []evidence.ProbeResult
	if heard != nil {
		voices = <-heard
	}
	l.Now = l.host.Env.Now()
	for _, addr := range s.Addrs {
		d := l.About(addr, voices, past[addr])
		l.inspect(d.Involved()...)
		out.Found = append(out.Found, newJudged(d))
	}
	out.Where = l.FDBEntries(s)
	out.Remarks = l.Remarks
	return out
}

// finding is the answer as the commands show it.
type finding struct {
	Title   string                 `json:"subject,omitempty"`
	Found   []judged               `json:"addresses"`
	More    int                    `json:"more,omitempty"` // addresses that were left out
	Where   []evidence.Observation `json:"whereabouts,omitempty"`
	Remarks []evidence.Remark      `json:"remarks,omitempty"`
}

// judged is one address with its evidence and verdict.
type judged struct {
	Address  string                 `json:"address"`
	Pool     string                 `json:"pool,omitempty"`
	Evidence []evidence.Observation `json:"evidence"`
	Verdict  evidence.Verdict       `json:"verdict"`
}

func newJudged(d *evidence.AddressFacts) judged {
	j := judged{Address: d.Addr.String(), Evidence: d.Observations(), Verdict: evidence.Judge(d)}
	if d.Pool != nil {
		j.Pool = report.Clean(d.Pool.Name)
	}
	return j
}

func (a *app) showSubject(s finding, f format) error {
	for _, j := range s.Found {
		if j.Verdict.Severity == evidence.Conflict {
			a.code = hook.Conflict
		}
	}
	if f == "json" {
		return ui.JSON(a.out, s)
	}
	a.tellRemarks(s.Remarks)
	return a.subjectScreen(s)
}
