package ui

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress says how far long work is.
type Progress struct {
	Sent, Planned int // of whatever is counted
	Found         int
}

// Meter shows on a terminal how far a sweep is, in one line that is taken away
// at the end. On anything else it says nothing.
type Meter struct {
	w     io.Writer
	width int
	about string
	began time.Time
	used  bool
}

// NewMeter is nil-like on what is no terminal.
func NewMeter(w io.Writer, about string, now time.Time) *Meter {
	m := &Meter{about: about, began: now}
	if t := TerminalOf(w); t.Is {
		m.w, m.width = w, t.Width()
	}
	return m
}

// patience is how long something may take before it is worth a line.
const patience = 300 * time.Millisecond

// Show draws the line.
func (m *Meter) Show(p Progress, now time.Time) {
	if m.w == nil || now.Sub(m.began) < patience || p.Planned == 0 {
		return
	}
	m.used = true
	line := m.line(p, now)
	_, _ = io.WriteString(m.w, "\r"+line+"\x1b[K")
}

// line fits into the width, whatever it is.
func (m *Meter) line(p Progress, now time.Time) string {
	part := float64(p.Sent) / float64(p.Planned)
	line := fmt.Sprintf("%3.0f %%  %d found", part*100, p.Found)
	if took := now.Sub(m.began); part > 0.02 {
		left := time.Duration(float64(took) * (1 - part) / part).Round(time.Second)
		line += fmt.Sprintf("  %s left", left)
	}
	line += "  " + m.about
	if runes := []rune(line); len(runes) >= m.width {
		line = string(runes[:m.width-1])
	}
	return strings.TrimRight(line, " ")
}

// Done takes the line away.
func (m *Meter) Done() {
	if m.used {
		_, _ = io.WriteString(m.w, "\r\x1b[K")
	}
}
