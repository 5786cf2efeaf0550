package cli

import (
	"fmt"
	"strconv"

	"pve-iplease/internal/ui"
)

// columns are those of a page's tables.
var columns = [...]string{"Address", "State", "Guest", "MAC address", "Vendor", "Node", "Since", "Remark"}

// render makes the page.
func (p webPage) render() []byte {
	var m ui.Markup
	m.Own("<!doctype html>\n")
	m.Open("html", "lang", "en")
	p.head(&m)
	m.Open("body")
	m.Leaf("a", "Skip the pictures", "class", "skip", "href", "#table-0")
	p.header(&m)
	m.Open("main")
	for i, pool := range p.Pools {
		pool.render(&m, strconv.Itoa(i))
	}
	m.Close("main")
	m.Open("script")
	m.Own(pageJS)
	m.Close("script", "body", "html")
	return m.Bytes()
}

func (p webPage) head(m *ui.Markup) {
	m.Open("head")
	m.Open("meta", "charset", "utf-8")
	m.Open("meta", "http-equiv", "Content-Security-Policy", "content", policy())
	m.Open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1")
	m.Open("meta", "name", "color-scheme", "content", "light dark")
	m.Open("meta", "name", "generator", "content", "pve-iplease "+p.Version)
	m.Leaf("title", p.Title)
	m.Open("style")
	m.Own(pageCSS)
	m.Close("style", "head")
}

func (p webPage) header(m *ui.Markup) {
	m.Open("header")
	m.Leaf("h1", p.Title)
	m.Open("p")
	m.Leaf("span", "As node "+p.Node+" knew it on ")
	m.Leaf("time", p.Time, "datetime", p.Stamp)
	said := ". The network was asked."
	if !p.Asked {
		said = ". The network was not asked: of strangers only those are shown that were seen before."
	}
	m.Leaf("span", said)
	m.Close("p")
	if len(p.Remarks) > 0 {
		m.Open("ul", "class", "remarks")
		for _, r := range p.Remarks {
			m.Leaf("li", r.Source+": "+r.Text)
		}
		m.Close("ul")
	}
	m.Close("header")
}

func (p webPool) render(m *ui.Markup, n string) {
	m.Open("section", "aria-labelledby", "pool-"+n)
	m.Leaf("h2", p.Name, "id", "pool-"+n)
	m.Leaf("p", p.Where, "class", "where")
	p.legend(m)
	if len(p.Blocks) > 0 {
		m.Open("div", "class", "map", "role", "img", "aria-label", p.Summary)
		for _, b := range p.Blocks {
			b.render(m)
		}
		m.Close("div")
	}
	if p.Scale != "" {
		m.Leaf("p", p.Scale, "class", "scale")
	}
	p.table(m, n)
	m.Close("section")
}

func (p webPool) legend(m *ui.Markup) {
	m.Open("ul", "class", "legend", "aria-label", "How many addresses are in which state")
	for _, c := range p.Legend {
		m.Open("li")
		m.Leaf("span", c.Sign, "class", "sign "+c.Class, "aria-hidden", "true")
		m.Leaf("span", c.Name)
		m.Own(" ")
		m.Leaf("b", strconv.Itoa(c.Count))
		m.Close("li")
	}
	m.Close("ul")
}

func (b webBlock) render(m *ui.Markup) {
	if b.More != "" {
		m.Leaf("p", b.More, "class", "more")
		return
	}
	m.Open("div", "class", "block")
	m.Leaf("p", b.Label)
	m.Open("div", "class", "cells")
	for _, c := range b.Cells {
		var attributes []string
		for _, a := range [][2]string{{"class", c.Class}, {"title", c.Title}, {"data-row", c.Row}} {
			if a[1] != "" {
				attributes = append(attributes, a[0], a[1])
			}
		}
		m.Leaf("i", c.Sign, attributes...)
	}
	m.Close("div", "div")
}

func (p webPool) table(m *ui.Markup, n string) {
	if len(p.Rows) == 0 {
		m.Leaf("p", "Nothing is known of any of its addresses.", "id", "table-"+n)
		return
	}
	m.Own(`<div class="tools" hidden><label>Find in this table <input type="search" autocomplete="off" spellcheck="false"></label> <output aria-live="polite"></output></div>` + "\n")
	m.Open("table", "role", "table", "id", "table-"+n)
	m.Leaf("caption", fmt.Sprintf("Addresses of pool %s that something is known of", p.Name))
	m.Open("thead", "role", "rowgroup")
	m.Open("tr", "role", "row")
	for _, c := range columns {
		m.Leaf("th", c, "role", "columnheader", "scope", "col")
	}
	m.Close("tr", "thead")
	m.Open("tbody", "role", "rowgroup")
	for _, r := range p.Rows {
		r.render(m)
	}
	m.Close("tbody", "table")
}

// render writes a row. The roles are said although the elements have them: on
// a phone the style makes blocks of them, and browsers then take the roles away.
func (r webRow) render(m *ui.Markup) {
	m.Open("tr", "role", "row", "id", r.ID)
	m.Leaf("th", r.Address, "role", "rowheader", "scope", "row", "data-key", strconv.Itoa(r.Order))
	cell := func(column int, attributes ...string) {
		m.Open("td", append([]string{"role", "cell", "data-label", columns[column]}, attributes...)...)
	}
	cell(1, "data-key", strconv.Itoa(r.Rank))
	m.Leaf("span", r.State, "class", "state "+r.Class)
	m.Own("</td>")
	word := func(column int, text string, attributes ...string) {
		cell(column, attributes...)
		if text != "" {
			m.Leaf("span", text)
		}
		m.Own("</td>")
	}
	word(2, r.Guest)
	word(3, r.MAC, "class", "mono")
	word(4, r.Vendor, "class", "vendor")
	word(5, r.Node)
	cell(6, "data-key", r.Since)
	if r.Clock != "" {
		m.Leaf("time", r.Clock, "datetime", r.Since)
	}
	m.Own("</td>")
	cell(7)
	if r.Remark != "" {
		m.Leaf("span", r.Remark)
	}
	if r.Trouble != "" {
		m.Leaf("p", r.Trouble, "class", "trouble")
	}
	m.Close("td", "tr")
}
