package cli

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"pve-iplease/internal/history"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

func (a *app) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "history [IP | VMID] [--output-format text|json]", Short: "Show who had which address when, as this node saw it",
		Args: mayTake("an address or a VMID"),
	}
	f := formatFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error { return a.runHistory(c.Context(), args, *f) }
	return cmd
}

func (a *app) runHistory(_ context.Context, args []string, f format) error {
	pick, err := chosen(args)
	if err != nil {
		return err
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	events, bad, err := h.History.Read(pick)
	if err != nil {
		return err
	}
	if bad > 0 {
		fmt.Fprintf(a.err, "pve-iplease: warning: %d lines of %s are no events and were passed over\n", bad, h.History)
	}
	if f == "json" {
		return ui.JSON(a.out, append([]history.Event{}, events...))
	}
	var cells [][]string
	for _, e := range events {
		cells = append(cells, []string{
			e.Time.Local().Format("2006-01-02 15:04:05"), e.Addr, ui.Dash(e.Owner), report.Clean(e.What), ui.Dash(e.MAC), report.Clean(e.Why),
		})
	}
	return ui.Table(a.out, "TIME ADDRESS OWNER EVENT MAC REASON", cells)
}

// chosen picks the events of an address or of a guest; without an argument all.
func chosen(args []string) (func(history.Event) bool, error) {
	if len(args) == 0 {
		return func(history.Event) bool { return true }, nil
	}
	if addr, err := netip.ParseAddr(args[0]); err == nil {
		return func(e history.Event) bool { return e.Addr == addr.String() }, nil
	}
	id, err := pve.ParseVMID(args[0])
	if err != nil {
		return nil, usagef("%q is neither an address nor a VMID", report.Clean(args[0]))
	}
	return func(e history.Event) bool { return e.VMID == id }, nil
}
