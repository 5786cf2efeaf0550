package guest

import (
	"strings"

	"pve-iplease/internal/pve"
)

// Parse reads a config file as Proxmox's own parser does when it is not
// strict: whatever is no section and no setting is passed over, so it never
// fails. Lines end with a newline only; a carriage return before it is a
// blank like others.
func Parse(kind pve.Kind, data []byte) Config {
	p := parser{Config: Config{kind: kind, text: string(data)}}
	p.entries = make([]entry, 0, min(strings.Count(p.text, "\n")+1, 256))
	p.open(section{part: running})
	for at := 0; at < len(p.text); {
		line, _, _ := strings.Cut(p.text[at:], "\n")
		p.line(at, line)
		at += len(line) + 1
	}
	p.close()
	return p.Config
}

type parser struct {
	Config
	known map[string]int // sections by name, made for the first one
}

// line sorts one line in. The order of the questions is Proxmox's, and it
// matters: a line that ends in "snapstate: prepare" is no net0 whatever it
// begins with.
func (p *parser) line(at int, line string) {
	rest := trimLeft(line)
	if rest == "" || line[0] == '#' {
		return
	}
	if line[0] == '[' {
		if s, ok := header(p.kind, line); ok {
			p.open(s)
			return
		}
	}
	key, value, ok := rawField(p.kind, line)
	if !ok && !marksSnapshot(line) {
		key, value, ok = field(p.kind, line)
	}
	if !ok || (key == "delete" && p.current().part != pending) {
		return
	}
	p.entries = append(p.entries, entry{key, line[value.from:value.to], at + value.from})
}

// open ends the current section and begins another. A section whose name
// came before replaces the earlier one as a whole.
func (p *parser) open(s section) {
	p.close()
	s.from = len(p.entries)
	if s.name != "" {
		if p.known == nil {
			p.known = make(map[string]int)
		}
		if old, ok := p.known[s.name]; ok {
			p.sections[old].part = skipped
		}
		p.known[s.name] = len(p.sections)
	}
	p.sections = append(p.sections, s)
}

func (p *parser) close() {
	if n := len(p.sections); n > 0 {
		p.sections[n-1].to = len(p.entries)
	}
}

func (p *parser) current() section { return p.sections[len(p.sections)-1] }
