package cli

import (
	"fmt"
	"strings"

	"pve-iplease/internal/config"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// pool is a pool in the making, in the words of the pools file; what is not
// known yet is empty.
type pool struct {
	segment pve.Segment
	name    string
	subnet  string
	gateway string // an address, none
	span    string
}

// propose takes what was given, and for the rest what was found. With a DHCP
// server on the network only its owner knows which range is free.
func (v *survey) propose() pool {
	p := pool{segment: v.segment, name: v.opt.name, span: v.opt.span, gateway: "none"}
	if v.subnet.IsValid() {
		p.subnet = v.subnet.String()
	}
	if v.gateway.IsValid() {
		p.gateway = v.gateway.String()
	}
	if p.name == "" {
		p.name = v.freeName()
	}
	if p.span == "" && v.room && len(v.offers) == 0 {
		p.span = v.proposal.Range.String()
	}
	return p
}

// freeName is lan, or else named for the bridge.
func (v *survey) freeName() string {
	taken := map[string]bool{}
	for _, p := range v.Pools {
		taken[p.Name] = true
	}
	for _, d := range v.host.Pools.Disabled {
		taken[d.Name] = true
	}
	names := []string{"lan", strings.ReplaceAll(v.place(), ".", "-")}
	for i := 2; ; i++ {
		for _, n := range names {
			if !taken[n] {
				return n
			}
		}
		names = []string{fmt.Sprintf("lan%d", i)}
	}
}

// check refuses a pool that lacks something, or that a DHCP server would fight
// for.
func (p pool) check(v *survey) error {
	switch {
	case p.subnet == "":
		return fmt.Errorf("nothing here tells which network %s carries; say so with --subnet", v.place())
	case p.span == "" && len(v.offers) > 0:
		return fmt.Errorf("the DHCP server %s gives out addresses of %s, and only its configuration says which; name a range that it leaves alone with --range", v.offers[0].Server, p.subnet)
	case p.span == "":
		return fmt.Errorf("%s has no room: nobody leaves four addresses in a row; name what is yours with --range", p.subnet)
	}
	ranges := p.ranges()
	for _, o := range v.offers {
		for _, r := range ranges {
			if r.Contains(o.Addr) {
				return fmt.Errorf("%s lies in %s, but the DHCP server %s has just offered it; take another range, or keep that server off it first", o.Addr, p.span, o.Server)
			}
		}
	}
	return nil
}

// ranges are those of the pools file that this would be; none when it makes no
// sense, which is told when it is written.
func (p pool) ranges() []pve.Range {
	c, _ := config.Parse("pools.cfg", []byte("pool: x\n\tbridge x\n\tsubnet "+p.subnet+"\n\trange "+p.span+"\n"))
	if len(c.Pools) == 0 {
		return nil
	}
	return c.Pools[0].Ranges
}

// problem says what is wrong with the parts that a person typed.
func (p pool) problem(v *survey) error {
	_, problems := config.Parse("pools.cfg", []byte("pool: x\n\tbridge x\n\tsubnet "+p.subnet+"\n\tgateway "+p.gateway+"\n\trange "+p.span+"\n"))
	for _, found := range problems {
		return fmt.Errorf("%s", report.Clean(found.Text))
	}
	return p.check(v)
}

// excluded are the strangers' addresses in the ranges.
func (p pool) excluded(v *survey) []evidence.Claim { return evidence.Strangers(p.ranges(), v.claims) }

// props are the properties for the pools file.
func (p pool) props(v *survey) []config.Prop {
	one := func(key, value string) config.Prop { return config.Prop{Key: key, Values: []string{value}} }
	props := []config.Prop{one("bridge", p.segment.Bridge)}
	if p.segment.Tag != 0 {
		props = append(props, one("vlan", fmt.Sprint(p.segment.Tag)))
	}
	props = append(props, one("subnet", p.subnet), one("gateway", p.gateway), one("range", p.span))
	var out []string
	for _, c := range p.excluded(v) {
		out = append(out, c.Range.String())
	}
	if len(out) > 0 {
		props = append(props, config.Prop{Key: "exclude", Values: out})
	}
	return props
}
