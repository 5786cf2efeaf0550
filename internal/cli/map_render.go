package cli

import (
	"fmt"
	"strconv"
)

// columns are those of a page's tables.
var columns = [...]string{"Address", "State", "Guest", "MAC address", "Vendor", "Node", "Since", "Remark"}

// render makes the page.
func (p webPage) render() []byte {
	var m markup
	m.own("<!doctype html>\n")
	m.open("html", "lang", "en")
	p.head(&m)
	m.open("body")
	m.leaf("a", "Skip the pictures", "class", "skip", "href", "#table-0")
	p.header(&m)
	m.open("main")
	for i, pool := range p.Pools {
		pool.render(&m, strconv.Itoa(i))
	}
	m.close("main")
	m.open("script")
	m.own(pageJS)
	m.close("script", "body", "html")
	return []byte(m.b.String())
}

func (p webPage) head(m *markup) {
	m.open("head")
	m.open("meta", "charset", "utf-8")
	m.open("meta", "http-equiv", "Content-Security-Policy", "content", policy())
	m.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1")
	m.open("meta", "name", "color-scheme", "content", "light dark")
	m.open("meta", "name", "generator", "content", "pve-iplease "+p.Version)
	m.leaf("title", p.Title)
	m.open("style")
	m.own(pageCSS)
	m.close("style", "head")
}

func (p webPage) header(m *markup) {
	m.open("header")
	m.leaf("h1", p.Title)
	m.open("p")
	m.leaf("span", "As node "+p.Node+" knew it on ")
	m.leaf("time", p.Time, "datetime", p.Stamp)
	said := ". The network was asked."
	if !p.Asked {
		said = ". The network was not asked: of strangers only those are shown that were seen before."
	}
	m.leaf("span", said)
	m.close("p")
	if len(p.Remarks) > 0 {
		m.open("ul", "class", "remarks")
		for _, r := range p.Remarks {
			m.leaf("li", r.Source+": "+r.Text)
		}
		m.close("ul")
	}
	m.close("header")
}

func (p webPool) render(m *markup, n string) {
	m.open("section", "aria-labelledby", "pool-"+n)
	m.leaf("h2", p.Name, "id", "pool-"+n)
	m.leaf("p", p.Where, "class", "where")
	p.legend(m)
	if len(p.Blocks) > 0 {
		m.open("div", "class", "map", "role", "img", "aria-label", p.Summary)
		for _, b := range p.Blocks {
			b.render(m)
		}
		m.close("div")
	}
	if p.Scale != "" {
		m.leaf("p", p.Scale, "class", "scale")
	}
	p.table(m, n)
	m.close("section")
}

func (p webPool) legend(m *markup) {
	m.open("ul", "class", "legend", "aria-label", "How many addresses are in which state")
	for _, c := range p.Legend {
		m.open("li")
		m.leaf("span", c.Sign, "class", "sign "+c.Class, "aria-hidden", "true")
		m.leaf("span", c.Name)
		m.own(" ")
		m.leaf("b", strconv.Itoa(c.Count))
		m.close("li")
	}
	m.close("ul")
}

func (b webBlock) render(m *markup) {
	if b.More != "" {
		m.leaf("p", b.More, "class", "more")
		return
	}
	m.open("div", "class", "block")
	m.leaf("p", b.Label)
	m.open("div", "class", "cells")
	for _, c := range b.Cells {
		var attributes []string
		for _, a := range [][2]string{{"class", c.Class}, {"title", c.Title}, {"data-row", c.Row}} {
			if a[1] != "" {
				attributes = append(attributes, a[0], a[1])
			}
		}
		m.leaf("i", c.Sign, attributes...)
	}
	m.close("div", "div")
}

func (p webPool) table(m *markup, n string) {
	if len(p.Rows) == 0 {
		m.leaf("p", "Nothing is known of any of its addresses.", "id", "table-"+n)
		return
	}
	m.own(`<div class="tools" hidden><label>Find in this table <input type="search" autocomplete="off" spellcheck="false"></label> <output aria-live="polite"></output></div>` + "\n")
	m.open("table", "role", "table", "id", "table-"+n)
	m.leaf("caption", fmt.Sprintf("Addresses of pool %s that something is known of", p.Name))
	m.open("thead", "role", "rowgroup")
	m.open("tr", "role", "row")
	for _, c := range columns {
		m.leaf("th", c, "role", "columnheader", "scope", "col")
	}
	m.close("tr", "thead")
	m.open("tbody", "role", "rowgroup")
	for _, r := range p.Rows {
		r.render(m)
	}
	m.close("tbody", "table")
}

// render writes a row. The roles are said although the elements have them: on
// a phone the style makes blocks of them, and browsers then take the roles away.
func (r webRow) render(m *markup) {
	m.open("tr", "role", "row", "id", r.ID)
	m.leaf("th", r.Address, "role", "rowheader", "scope", "row", "data-key", strconv.Itoa(r.Order))
	cell := func(column int, attributes ...string) {
		m.open("td", append([]string{"role", "cell", "data-label", columns[column]}, attributes...)...)
	}
	cell(1, "data-key", strconv.Itoa(r.Rank))
	m.leaf("span", r.State, "class", "state "+r.Class)
	m.own("</td>")
	word := func(column int, text string, attributes ...string) {
		cell(column, attributes...)
		if text != "" {
			m.leaf("span", text)
		}
		m.own("</td>")
	}
	word(2, r.Guest)
	word(3, r.MAC, "class", "mono")
	word(4, r.Vendor, "class", "vendor")
	word(5, r.Node)
	cell(6, "data-key", r.Since)
	if r.Clock != "" {
		m.leaf("time", r.Clock, "datetime", r.Since)
	}
	m.own("</td>")
	cell(7)
	if r.Remark != "" {
		m.leaf("span", r.Remark)
	}
	if r.Trouble != "" {
		m.leaf("p", r.Trouble, "class", "trouble")
	}
	m.close("td", "tr")
}
