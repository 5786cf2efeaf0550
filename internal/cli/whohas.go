package cli

import (
	"context"
	"net/netip"

	"github.com/spf13/cobra"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/report"
)

func (a *app) whohasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "whohas IP|MAC|VMID|NAME [--output-format text|json]", Short: "Find out who has an address, with the evidence",
		Args: takes("an address, a VMID or a name"),
		Long: `Find out who has an address: on the network, by the kernel's tables, the ledger,
the guests' configs, DHCP servers and Proxmox's SDN. The last lines are the
verdict and what to do. Asked for a guest, a MAC address or a name, it judges
the addresses that belong to it. Exit code 3 on a conflict.`,
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
	early := l.listenEarly(ctx, arg)
	l.gather(ctx)
	s, err := l.Find(arg)
	if err != nil {
		a.tellRemarks(l.Remarks)
		return err
	}
	return a.showSubject(l.investigate(ctx, s, early), f)
}

// listenEarly begins to ask for an address of which the pools already tell
// the network, beside everything else; without pools for it, nil.
func (l *look) listenEarly(ctx context.Context, arg string) <-chan []evidence.Hearing {
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
	heard, ear := make(chan []evidence.Hearing, 1), l.ear(addr)
	go func() { heard <- ear.Listen(ctx, ask) }()
	return heard
}

// investigate asks the network, unless that is under way, and judges.
func (l *look) investigate(ctx context.Context, s evidence.Subject, early <-chan []evidence.Hearing) finding {
	out := finding{Title: s.Title, Found: []judged{}}
	if len(s.Addrs) > maxAddresses {
		out.More = len(s.Addrs) - maxAddresses
		s.Addrs = s.Addrs[:maxAddresses]
	}
	past := l.past(s.Addrs)
	var heard []evidence.Hearing
	switch {
	case early != nil:
		heard = <-early
	case len(s.Addrs) > 0:
		heard = l.ear(s.Addrs[0]).Listen(ctx, l.Inquiries(s.Addrs))
	}
	l.Now = l.host.Here.Now()
	for _, addr := range s.Addrs {
		d := l.About(addr, heard, past[addr])
		l.inspect(d.Involved()...)
		out.Found = append(out.Found, newJudged(d))
	}
	out.Where = l.Whereabouts(s)
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

func newJudged(d *evidence.Dossier) judged {
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
		return a.printJSON(s)
	}
	a.tellRemarks(s.Remarks)
	return a.subjectScreen(s)
}
