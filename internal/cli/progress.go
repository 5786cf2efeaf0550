package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pve-iplease/internal/probe"
)

// meter shows on a terminal how far a sweep is, in one line that is taken away
// at the end. On anything else it says nothing.
type meter struct {
	w     io.Writer
	width int
	about string
	began time.Time
	used  bool
}

// newMeter is nil-like on what is no terminal.
func newMeter(w io.Writer, about string, now time.Time) *meter {
	m := &meter{about: about, began: now}
	if t := terminalOf(w); t.is {
		m.w, m.width = w, t.width()
	}
	return m
}

// patience is how long something may take before it is worth a line.
const patience = 300 * time.Millisecond

// show draws the line.
func (m *meter) show(p probe.Progress, now time.Time) {
	if m.w == nil || now.Sub(m.began) < patience || p.Planned == 0 {
		return
	}
	m.used = true
	line := m.line(p, now)
	_, _ = io.WriteString(m.w, "\r"+line+"\x1b[K")
}

// line fits into the width, whatever it is.
func (m *meter) line(p probe.Progress, now time.Time) string {
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

// done takes the line away.
func (m *meter) done() {
	if m.used {
		_, _ = io.WriteString(m.w, "\r\x1b[K")
	}
}
