package ui

import (
	"io"
	"strings"
)

// Width is that of a screen, in columns: what a task log and a mail show without
// wrapping.
const Width = 80

// Page is text on its way to a screen of some width.
type Page struct {
	strings.Builder
	Width int
}

// NewPage is one for an output: as wide as its terminal, where that is narrower
// than Width.
func NewPage(w io.Writer) *Page {
	p := &Page{Width: Width}
	if w := TerminalOf(w).Width(); w > 0 {
		p.Width = min(p.Width, w)
	}
	return p
}

// Show prints it.
func (p *Page) Show(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

// Wrap writes words behind a label, the further lines as far in.
func (p *Page) Wrap(text, label string) { Wrap(&p.Builder, text, label, p.Width) }
