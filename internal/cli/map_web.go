package cli

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// What the page carries along. A policy lets nothing run but this script.
var (
	//go:embed web/map.css
	pageCSS string
	//go:embed web/map.js
	pageJS string
)

// webPage is what is shown, in words that are not yet escaped.
type webPage struct {
	Title, Version, Node string
	Stamp, Time          string
	Asked                bool // the network was
	Remarks              []evidence.Remark
	Pools                []webPool
}

type webPool struct {
	Name, Where, Summary, Scale string
	Legend                      []webCell
	Blocks                      []webBlock
	Rows                        []webRow
}

// webBlock is sixteen cells, or words about many that are alike.
type webBlock struct {
	Label, More string
	Cells       []webCell
}

// webCell is a mark: of one address, or in the legend.
type webCell struct {
	Class, Sign, Name, Title, Row string
	Count                         int
}

// webRow is an address in the table.
type webRow struct {
	ID, Address, Class, State, Guest, MAC, Vendor, Node, Remark, Trouble string
	Since, Clock                                                         string // of the lease, for the program and for people
	Order, Rank                                                          int
}

// A row of the picture has four blocks on a wide screen, one below the other
// on a narrow one.
const (
	rowCells   = 64
	blockCells = 16
	mostRuns   = 160 // of rows; beyond, a cell is several addresses
)

func newWebPage(l *look, plots []evidence.Map, version string, asked bool) webPage {
	p := webPage{
		Title: "Address map", Version: version, Node: report.Clean(l.Node), Asked: asked, Remarks: l.Remarks,
		Stamp: l.Now.Format(time.RFC3339), Time: l.Now.Local().Format("2006-01-02 15:04 MST"),
	}
	if len(plots) == 1 {
		p.Title += " of pool " + plots[0].Pool.Name
	}
	for i, plot := range plots {
		p.Pools = append(p.Pools, newWebPool(i, plot))
	}
	return p
}

// policy allows the page its own style and script, and nothing else.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'", hash(pageCSS), hash(pageJS))
}

func newWebPool(n int, plot evidence.Map) webPool {
	name, where, _ := strings.Cut(poolTitle(plot.Pool), ": ")
	p := webPool{Name: name, Where: where}
	count, words := plot.Count(), []string(nil)
	for _, m := range evidence.Marks() {
		if count[m] > 0 && m != evidence.Outside {
			c := newWebCell(m)
			c.Count = count[m]
			p.Legend = append(p.Legend, c)
			words = append(words, fmt.Sprintf("%d %s", count[m], c.Name))
		}
	}
	p.Summary = fmt.Sprintf("Picture of pool %s: %s. Every address that is not free is in the table below.", name, strings.Join(words, ", "))
	blocks := plot.Blocks(rowCells, mostRuns)
	for _, b := range blocks {
		p.Blocks = append(p.Blocks, newWebBlocks(n, plot, b)...)
	}
	if len(blocks) > 0 && blocks[0].Each > 1 {
		p.Scale = fmt.Sprintf("A cell is %d addresses, and shows what is most serious there.", blocks[0].Each)
	}
	if len(blocks) == 0 {
		p.Scale = "The pool is too large for a picture."
	}
	for i, s := range plot.Spots {
		p.Rows = append(p.Rows, newWebRow(n, i, s))
	}
	return p
}

func newWebCell(m evidence.Mark) webCell {
	class, _, _ := strings.Cut(m.String(), " ")
	return webCell{Class: class, Sign: strings.TrimSpace(string(inks(m).sign)), Name: m.String()}
}

// newWebBlocks are the blocks of a row, and what follows it that is alike.
func newWebBlocks(n int, plot evidence.Map, row evidence.Block) []webBlock {
	var all []webBlock
	a := row.First
	cells := append(make([]evidence.Mark, row.Lead), row.Cells...)
	for i, m := range cells {
		if i%blockCells == 0 {
			all = append(all, webBlock{Label: a.String()})
		}
		one := &all[len(all)-1]
		one.Cells = append(one.Cells, newBlockCell(n, plot, a, m, row.Each))
		a = evidence.Offset(a, row.Each)
	}
	if row.Same > 1 {
		all = append(all, webBlock{More: fmt.Sprintf("… %d more, all %s", (row.Same-1)*rowCells*row.Each, word(row.Cells[0]))})
	}
	return all
}

// newBlockCell is the cell of an address and those that share it.
func newBlockCell(n int, plot evidence.Map, a netip.Addr, m evidence.Mark, each uint64) webCell {
	c := newWebCell(m)
	s, known := plot.Cell(a)
	switch {
	case each > 1:
		c.Title = fmt.Sprintf("%s and %d more: %s", a, each-1, m)
	case known:
		c.Title, c.Row = strings.TrimSpace(fmt.Sprintf("%s %s %s", a, m, guestOf(s))), rowID(n, s)
	case m == evidence.Free:
		c.Title = a.String() + " free"
	}
	return c
}

func newWebRow(n, i int, s evidence.Cell) webRow {
	c := newWebCell(s.Mark)
	r := webRow{
		ID: rowID(n, s), Order: i, Rank: int(s.Mark), Address: s.Addr.String(), Class: c.Class, State: c.Name,
		Guest: guestOf(s), MAC: s.MAC, Vendor: s.Vendor, Node: s.Node, Since: s.Since, Remark: s.Remark,
	}
	if t, err := time.Parse(time.RFC3339, s.Since); err == nil {
		r.Clock = ui.Clock(t)
	}
	if s.Severity >= evidence.Warning {
		r.Trouble = s.Verdict
	}
	return r
}

// rowID is unique in the page, whose pools may share a network.
func rowID(n int, s evidence.Cell) string { return fmt.Sprintf("p%d-%s", n, s.Addr) }

func guestOf(s evidence.Cell) string { return strings.TrimSpace(s.Guest + " " + s.Name) }

// pageMode lets a web server read the page.
const pageMode = 0o644

// writePage writes the page to a file as a whole, or not at all.
func (a *app) writePage(path string, p webPage) error {
	data := p.render()
	if path == "-" {
		_, err := a.out.Write(data)
		return err
	}
	if err := renameio.WriteFile(path, data, pageMode); err != nil {
		return fmt.Errorf("the page was not written: %w", err)
	}
	return nil
}
