package cli

import (
	"fmt"
	"strings"
	"time"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/ui"
)

// subjectScreen prints a whole answer.
func (a *app) subjectScreen(s finding) error {
	b := ui.NewPage(a.out)
	if s.Title != "" {
		b.Wrap(s.Title, "")
		b.WriteString("\n")
	}
	if len(s.Found) == 0 {
		observations(b, s.Where)
		b.WriteString("\nno address is known of it\n")
	}
	for i, j := range s.Found {
		if i > 0 {
			b.WriteString("\n")
		}
		j.screen(b)
	}
	if s.More > 0 {
		fmt.Fprintf(b, "\nand %d more addresses; ask for one of them\n", s.More)
	}
	return b.Show(a.out)
}

// screen prints one address: the evidence, the verdict, what to do.
func (j judged) screen(b *ui.Page) {
	title := j.Address
	if j.Pool != "" {
		title += ", pool " + j.Pool
	}
	b.Wrap(title, "")
	observations(b, j.Evidence)
	b.WriteString("\n")
	b.Wrap(j.Verdict.Severity.String()+": "+j.Verdict.Text, "")
	steps(b, j.Verdict.Do)
}

// observations prints pieces of evidence, a line or more each.
func observations(b *ui.Page, all []evidence.Observation) {
	for _, o := range all {
		text := o.Text
		if o.From != "" {
			text += " (" + o.From + ")"
		}
		b.Wrap(text, fmt.Sprintf("  %-8s%-8s", o.Source, ago(o.At)))
	}
}

// steps prints what can be done, with lines to paste as they are.
func steps(b *ui.Page, all []evidence.Step) {
	for _, s := range all {
		b.Wrap(s.How, fmt.Sprintf("  %-12s ", s.What))
		for _, line := range s.Lines {
			fmt.Fprintf(b, "%*s%s\n", min(17, b.Width/3+2), "", line)
		}
	}
}

// ago is the age of a piece of evidence.
func ago(t time.Time) string {
	age := time.Since(t)
	if t.IsZero() || age < 2*time.Second {
		return "now"
	}
	return evidence.Age(age)
}

// advice prints what can be done about a line with a label of some length.
// What is to be pasted is never wrapped.
func advice(b *ui.Page, all []evidence.Step, in int) {
	in = min(in, b.Width/3)
	for _, s := range all {
		if s.How != "" {
			b.Wrap(s.How, strings.Repeat(" ", in)+"-> ")
		}
		for _, line := range s.Lines {
			fmt.Fprintf(b, "%*s%s\n", in+3, "", line)
		}
	}
}
