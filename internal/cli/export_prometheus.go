package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
)

func (a *app) exportPrometheusCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "prometheus [--out FILE]", Short: "Write figures of the pools for Prometheus", Args: takes(), DisableFlagsInUseLine: true,
		Long: `Write figures of the pools in Prometheus's text format, for the textfile directory
of node_exporter. The file's name must end in .prom.`,
	}
	outFlag(cmd, &out)
	cmd.RunE = func(c *cobra.Command, _ []string) error { return a.runExportPrometheus(c.Context(), out) }
	return cmd
}

func (a *app) runExportPrometheus(ctx context.Context, out string) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	return a.deliver(ctx, h, out, metrics(h, t, a.place.Version))
}

// metric is a family of gauges in the text format.
type metric struct {
	name, help string
	lines      []string
}

// add makes a line of labels, in pairs of name and value, and a figure.
func (m *metric) add(value float64, labels ...string) {
	var b strings.Builder
	for i := 0; i < len(labels); i += 2 {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%s=\"%s\"", labels[i], labelEscaper().Replace(labels[i+1]))
	}
	set := b.String()
	if set != "" {
		set = "{" + set + "}"
	}
	m.lines = append(m.lines, m.name+set+" "+strconv.FormatFloat(value, 'f', -1, 64)+"\n")
}

func labelEscaper() *strings.Replacer { return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`) }

// metrics writes all families. Times are points in time, as Prometheus has it:
// an age is time() minus one of them.
func metrics(h *hook.Host, t *lease.Table, version string) string {
	size := metric{name: "pve_iplease_pool_addresses", help: "Addresses that the pool may lease."}
	count := metric{name: "pve_iplease_pool_leases", help: "Addresses of the pool by the state of their lease."}
	unproven := metric{name: "pve_iplease_pool_unproven", help: "Bound leases of the pool whose guests started without a proof that nobody else has the address."}
	for i := range h.Pools.Pools {
		p := &h.Pools.Pools[i]
		labels := []string{"pool", p.Name, "family", strings.ToLower(p.Family().String())}
		size.add(float64(p.Capacity()), labels...)
		states, doubtful := census(h.Pools.Pools, p, t)
		for _, s := range []lease.State{lease.Bound, lease.Released, lease.Offered, lease.Conflicted} {
			count.add(float64(states[s]), append(labels, "state", s.String())...)
		}
		unproven.add(float64(doubtful), labels...)
	}
	generation := metric{name: "pve_iplease_ledger_generation", help: "How often the ledger was written."}
	generation.add(float64(t.Generation))
	changed := metric{name: "pve_iplease_ledger_changed_timestamp_seconds", help: "When the ledger was last written, in seconds since 1970."}
	if at := lastWritten(h); !at.IsZero() {
		changed.add(float64(at.Unix()))
	}
	problems := metric{name: "pve_iplease_pools_file_errors", help: "Errors in the pools file, each of which disables a section."}
	errors := 0
	for _, p := range h.Problems {
		if !p.Warning {
			errors++
		}
	}
	problems.add(float64(errors))
	info := metric{name: "pve_iplease_build_info", help: "The version of the program that wrote this file."}
	info.add(1, "version", version)
	return text(size, count, unproven, generation, changed, problems, info)
}

// census counts a pool's leases by state, and those of guests that run with an
// address that nobody proved.
func census(pools lease.Pools, p *lease.Pool, t *lease.Table) (states map[lease.State]int, unproven int) {
	states = map[lease.State]int{}
	for l := range leasesOf(pools, p, t) {
		states[l.State]++
		if l.Unproven && l.State == lease.Bound {
			unproven++
		}
	}
	return states, unproven
}

// lastWritten is when one of the ledger's files was; zero before the first.
func lastWritten(h *hook.Host) (last time.Time) {
	for _, name := range []string{"ledger", "ledger.0", "ledger.1"} {
		if info, err := os.Stat(h.Node.Path(h.Settings.Ledger) + "/" + name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

func text(families ...metric) string {
	var b strings.Builder
	for _, m := range families {
		if len(m.lines) > 0 {
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s", m.name, m.help, m.name, strings.Join(m.lines, ""))
		}
	}
	return b.String()
}
