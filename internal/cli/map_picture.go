package cli

import (
	"fmt"
	"strings"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/ui"
)

// ink is how a mark looks in a picture: a sign, and a colour of a terminal
// (ECMA-48, SGR).
type ink struct {
	sign   byte
	colour string
}

// inks are those of the marks; what status calls leased, kept and free looks
// as it does there.
func inks(m evidence.Mark) ink {
	return [...]ink{
		evidence.Outside:  {' ', ""},
		evidence.Free:     {'.', "2"},
		evidence.Fixed:    {'g', "36"},
		evidence.Other:    {'o', "2;33"},
		evidence.Released: {'-', "32"},
		evidence.Offered:  {'+', "34"},
		evidence.Reserved: {'r', "35"},
		evidence.Static:   {'s', "33"},
		evidence.Bound:    {'#', "1;32"},
		evidence.Stranger: {'?', "1;31"},
		evidence.Clash:    {'!', "1;37;41"},
	}[m]
}

// canvas is what a picture is drawn on.
type canvas struct {
	width   int
	colours bool
}

// mostRows is how many rows a picture may have before its cells stand for
// several addresses.
const mostRows = 40

// picture draws a pool, a row of cells a line.
func (c canvas) picture(p evidence.Map) string {
	var b strings.Builder
	cells := c.cells(p)
	blocks := p.Blocks(cells, mostRows)
	label := 0
	for _, block := range blocks {
		label = max(label, len(block.First.String()))
	}
	for i, block := range blocks {
		if i == 0 {
			b.WriteString(ruler(cells, label, block.Each))
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s %s", label, block.First, c.cellsOf(block)), " ") + "\n")
		if block.Same > 1 {
			b.WriteString(c.alike(block, cells, label))
		}
	}
	if len(blocks) == 0 {
		b.WriteString("It is too large for a picture.\n")
	}
	if len(blocks) > 0 && blocks[0].Each > 1 {
		ui.Wrap(&b, fmt.Sprintf("A cell is %d addresses, and shows what is most serious there.", blocks[0].Each), "", c.width)
	}
	return b.String()
}

// alike tells of rows that are not drawn.
func (c canvas) alike(b evidence.Block, cells, label int) string {
	text := fmt.Sprintf("%d more, all %s\n", (b.Same-1)*uint64(cells)*b.Each, word(b.Cells[0]))
	if label+1+len(text) > c.width {
		label = len("...")
	}
	return fmt.Sprintf("%-*s %s", label, "...", text)
}

// cells is how many have room beside the labels: a power of two, so that a row
// begins where a network does.
func (c canvas) cells(p evidence.Map) int {
	label := 0
	for _, r := range p.Area() {
		label = max(label, len(r.Last.String()), len(r.First.String()))
	}
	n := 64
	for n > 8 && label+1+n > c.width {
		n /= 2
	}
	return n
}

// ruler shows how far in a cell is, every sixteen.
func ruler(cells, label int, each uint64) string {
	if each > 1 || cells < 32 {
		return ""
	}
	line := strings.Repeat(" ", label+1)
	for i := 0; i < cells; i += 16 {
		line += fmt.Sprintf("%-16s", fmt.Sprintf("+%d", i))
	}
	return strings.TrimRight(line, " ") + "\n"
}

// cellsOf draws one row; a colour lasts as long as the mark does.
func (c canvas) cellsOf(b evidence.Block) string {
	var out strings.Builder
	out.WriteString(strings.Repeat(" ", b.Lead))
	colour := ""
	for _, m := range b.Cells {
		in := inks(m)
		if c.colours && in.colour != colour {
			if colour != "" {
				out.WriteString("\x1b[0m")
			}
			if in.colour != "" {
				out.WriteString("\x1b[" + in.colour + "m")
			}
			colour = in.colour
		}
		out.WriteByte(in.sign)
	}
	if colour != "" {
		out.WriteString("\x1b[0m")
	}
	return strings.TrimRight(out.String(), " ")
}

// legend explains the marks that occur, with their numbers; what is outside of
// the ranges is blank.
func (c canvas) legend(p evidence.Map) string {
	var b strings.Builder
	count := p.Count()
	line, used := "", 0
	for _, m := range evidence.Marks() {
		if count[m] == 0 || m == evidence.Outside {
			continue
		}
		in := inks(m)
		text := fmt.Sprintf(" %s %d", m, count[m])
		if used > 0 && used+3+1+len(text) > c.width {
			b.WriteString(line + "\n")
			line, used = "", 0
		}
		if used > 0 {
			line, used = line+"   ", used+3
		}
		sign := string(in.sign)
		if c.colours && in.colour != "" {
			sign = "\x1b[" + in.colour + "m" + sign + "\x1b[0m"
		}
		line, used = line+sign+text, used+1+len(text)
	}
	if used > 0 {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// word names a mark in a sentence.
func word(m evidence.Mark) string {
	if m == evidence.Outside {
		return "outside of the ranges"
	}
	return m.String()
}
