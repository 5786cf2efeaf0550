package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"pve-iplease/internal/evidence"
)

// width is that of a screen: a terminal's, and what a task log and a mail
// show without wrapping.
const width = 80

// subjectScreen prints a whole answer.
func (a *app) subjectScreen(s finding) error {
	b := a.page()
	if s.Title != "" {
		b.wrap(s.Title, "")
		b.WriteString("\n")
	}
	if len(s.Found) == 0 {
		b.observations(s.Where)
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
	return b.show(a.out)
}

// screen prints one address: the evidence, the verdict, what to do.
func (j judged) screen(b *page) {
	title := j.Address
	if j.Pool != "" {
		title += ", pool " + j.Pool
	}
	b.wrap(title, "")
	b.observations(j.Evidence)
	b.WriteString("\n")
	b.wrap(j.Verdict.Severity.String()+": "+j.Verdict.Text, "")
	b.steps(j.Verdict.Do)
}

// observations prints pieces of evidence, a line or more each.
func (b *page) observations(all []evidence.Observation) {
	for _, o := range all {
		text := o.Text
		if o.From != "" {
			text += " (" + o.From + ")"
		}
		b.wrap(text, fmt.Sprintf("  %-8s%-8s", o.Source, ago(o.At)))
	}
}

// steps prints what can be done, with lines to paste as they are.
func (b *page) steps(all []evidence.Step) {
	for _, s := range all {
		b.wrap(s.How, fmt.Sprintf("  %-12s ", s.What))
		for _, line := range s.Lines {
			fmt.Fprintf(b, "%*s%s\n", min(17, b.width/3+2), "", line)
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

// wrap writes words in lines of a width, the first behind a label, the others
// as far in, but for a third of a narrow screen at most. A word that is too long
// for a line has one to itself.
func wrap(b *strings.Builder, text, label string, width int) {
	line, used := label, utf8.RuneCountInString(label)
	indent := strings.Repeat(" ", min(used, width/3))
	fresh := true
	for _, word := range words(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case fresh && used+n > width && len(indent) < used, !fresh && used+1+n > width:
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, used, fresh = indent, len(indent), true
		case !fresh:
			line, used = line+" ", used+1
		}
		line, used, fresh = line+word, used+n, false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// words splits a text where it may be wrapped: at blanks, but not within a
// command in quotes, which is to be pasted.
func words(text string) []string {
	var all []string
	quoted := false
	for w := range strings.FieldsSeq(text) {
		if n := len(all); quoted && len(all[n-1])+len(w) < width/2 {
			all[n-1] += " " + w
		} else {
			all = append(all, w)
			quoted = strings.HasPrefix(w, "'")
		}
		quoted = quoted && !strings.Contains(w[1:], "'")
	}
	return all
}
