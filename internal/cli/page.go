package cli

import (
	"fmt"
	"io"
	"strings"

	"pve-iplease/internal/evidence"
)

// page is text on its way to a screen of some width.
type page struct {
	strings.Builder
	width int
}

// page is one for the command's output: as wide as the terminal, where that is
// narrower than what is written for elsewhere.
func (a *app) page() *page {
	p := &page{width: width}
	if w := terminalOf(a.out).width(); w > 0 {
		p.width = min(p.width, w)
	}
	return p
}

// show prints it.
func (b *page) show(w io.Writer) error {
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap writes words behind a label, the further lines as far in.
func (b *page) wrap(text, label string) { wrap(&b.Builder, text, label, b.width) }

// advice prints what can be done about a line with a label of some length.
// What is to be pasted is never wrapped.
func (b *page) advice(all []evidence.Step, in int) {
	in = min(in, b.width/3)
	for _, s := range all {
		if s.How != "" {
			b.wrap(s.How, strings.Repeat(" ", in)+"-> ")
		}
		for _, line := range s.Lines {
			fmt.Fprintf(b, "%*s%s\n", in+3, "", line)
		}
	}
}
