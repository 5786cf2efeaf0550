package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// reporter prints the tables on the terminal and keeps results.md up to date.
type reporter struct {
	dir      *os.Root
	name     string // of dir
	terminal io.Writer
	progress *progress
	machine  []fact
	markdown strings.Builder
}

// fact is a line of the description of the machine.
type fact struct{ name, value string }

// head begins the report with what it was measured on.
func (r *reporter) head(facts []fact) {
	fmt.Fprintf(&r.markdown, "# pve-iplease, side by side\n\n")
	fmt.Fprintf(&r.markdown, "Written by `make bench`. A cell is the median, in brackets the 10th and the 90th\npercentile.\n\n")
	w := tabwriter.NewWriter(r.terminal, 0, 0, 2, ' ', 0)
	fmt.Fprintf(&r.markdown, "| | |\n|---|---|\n")
	for _, f := range facts {
		fmt.Fprintf(w, "%s\t%s\n", f.name, f.value)
		fmt.Fprintf(&r.markdown, "| %s | %s |\n", f.name, escape(f.value))
	}
	_ = w.Flush() // a terminal that is gone ends this program by itself
}

// add reports a suite: its table, its plots.
func (r *reporter) add(s suite, results []result) error {
	head, rows := table(s, results)
	fmt.Fprintf(r.terminal, "\n%s\n%s\n\n", s.title, s.question)
	plain(r.terminal, head, rows)
	fmt.Fprintf(&r.markdown, "\n## %s\n\n%s\n\n", s.title, s.question)
	tabled(&r.markdown, head, rows)
	notes := append(append([]string{}, s.notes...), shortcomings(results)...)
	for i, n := range notes {
		if i == 0 {
			fmt.Fprintln(r.terminal)
			fmt.Fprintln(&r.markdown)
		}
		fmt.Fprintln(r.terminal, "-", n)
		fmt.Fprintln(&r.markdown, "-", n)
	}
	if s.charts != nil {
		for _, c := range s.charts(results) {
			if err := r.draw(c); err != nil {
				return fmt.Errorf("plot %s: %w", c.file, err)
			}
		}
	}
	return r.dir.WriteFile("results.md", []byte(r.markdown.String()), 0o644)
}

// draw writes a plot beside the report, and shows it there.
func (r *reporter) draw(c chart) error {
	svg, err := c.svg()
	if err != nil || svg == nil {
		return err
	}
	fmt.Fprintf(&r.markdown, "\n![%s](%s.svg)\n", c.title, c.file)
	return r.dir.WriteFile(c.file+".svg", svg, 0o644)
}

func (r *reporter) done() {
	fmt.Fprintf(r.terminal, "\nThe tables and plots are in %s.\n", r.name)
}

// table is what a suite's results look like: headings, and rows of cells.
func table(s suite, results []result) (head []string, rows [][]string) {
	head = append(head, s.labels...)
	for _, c := range s.columns {
		head = append(head, c.head)
	}
	head = append(head, "runs")
	for _, r := range results {
		rows = append(rows, append(append([]string{}, r.labels...), r.cells(s.columns)...))
	}
	return head, rows
}

// cells are a row's numbers, or why there are none.
func (r result) cells(columns []column) []string {
	cells := make([]string, len(columns)+1)
	for i, c := range columns {
		cells[i] = c.show(r.samples)
	}
	tried := len(r.samples) + len(r.failed)
	cells[len(columns)] = fmt.Sprint(tried)
	switch {
	case r.missing != "":
		cells[0], cells[len(columns)] = "missing", "0"
	case len(r.samples) == 0:
		cells[0] = "failed"
	case len(r.failed) > 0:
		cells[len(columns)] = fmt.Sprintf("%d, %d failed", tried, len(r.failed))
	}
	return cells
}

// shortcomings say what is missing, and why runs failed, once a row.
func shortcomings(results []result) (notes []string) {
	for _, r := range results {
		name := strings.Join(r.labels, ", ")
		if r.missing != "" {
			notes = append(notes, name+": "+r.missing)
		}
		if len(r.failed) > 0 {
			reason := strings.Join(strings.Fields(r.failed[0].Error()), " ")
			notes = append(notes, fmt.Sprintf("%s failed: %.300s", name, reason))
		}
	}
	return notes
}

// plain prints a table for a terminal.
func plain(w io.Writer, head []string, rows [][]string) {
	wide := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, cells := range all {
		for i, c := range cells {
			wide[i] = max(wide[i], utf8.RuneCountInString(c))
		}
	}
	for _, cells := range all {
		var line strings.Builder
		for i, c := range cells {
			line.WriteString(c + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(c)+2))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// tabled prints a table in Markdown.
func tabled(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) {
		for _, c := range cells {
			fmt.Fprintf(w, "| %s ", escape(c))
		}
		fmt.Fprintln(w, "|")
	}
	line(head)
	fmt.Fprintln(w, strings.Repeat("|---", len(head))+"|")
	for _, cells := range rows {
		line(cells)
	}
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
