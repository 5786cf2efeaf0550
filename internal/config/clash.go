package config

// checkNames refuses the second pool of a name: messages and commands could
// not tell the two apart.
func checkNames(pools []*pool) {
	first := map[string]*pool{}
	for _, p := range pools {
		if before, again := first[p.Name]; again && p.Name != "" {
			p.fail(p.line, "another pool has this name, in line %d; choose a different one", before.line)
			continue
		}
		first[p.Name] = p
	}
}

// checkOverlaps refuses a pool that leases addresses of an earlier one on the
// same network, whatever either excludes.
func checkOverlaps(pools []*pool) {
	type wire struct {
		bridge string
		tag    uint16
	}
	earlier := map[wire][]*pool{}
	for _, p := range pools {
		if p.failed() {
			continue
		}
		w := wire{p.Bridge, p.VLAN}
		for _, e := range earlier[w] {
			p.checkOverlap(e)
		}
		if !p.failed() {
			earlier[w] = append(earlier[w], p)
		}
	}
}

func (p *pool) checkOverlap(e *pool) {
	if !p.Segment().Overlaps(e.Segment()) {
		return
	}
	for i := range p.halves {
		h := &p.halves[i]
		if mine, its, found := common(h.Ranges, e.halves[i].Ranges); found {
			p.fail(p.lines[h.key("range")], "%s: %s overlaps %s of pool %s (line %d) on %s; one address belongs to one pool",
				h.key("range"), mine, its, e.Name, e.line, e.Segment())
		}
	}
}
