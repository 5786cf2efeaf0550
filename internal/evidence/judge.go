package evidence

import (
	"fmt"
	"slices"

	"pve-iplease/internal/pve"
)

// Judge says who has an address, whether that is right, and what to do about
// it. It is pure: the same facts give the same verdict.
func Judge(d *AddressFacts) Verdict {
	c := &trial{AddressFacts: d, rights: d.rights()}
	c.call()
	for _, rule := range []func() (Verdict, bool){
		c.proxied, c.ours, c.doubled, c.crowded, c.infrastructure, c.usurped, c.rightful, c.foreign,
		c.contested, c.silentRight, c.silentStranger, c.promised, c.unread, c.remembered, c.unsure,
	} {
		if v, ok := rule(); ok {
			return v
		}
	}
	return c.free()
}

// trial is one address being judged.
type trial struct {
	*AddressFacts
	rights []right
	hosts  []Host // that were heard with the address, one a MAC
	doubt  string // why silence proves nothing; empty when it does
}

// call brings in everybody who was heard.
func (c *trial) call() {
	var doubts []string
	heard := false
	for _, h := range c.Results {
		if h.Doubt == "" {
			heard = true
		} else {
			doubts = append(doubts, h.Doubt)
		}
		for _, v := range h.Voices {
			if v.Asks || slices.ContainsFunc(c.hosts, func(o Host) bool { return o.MAC == v.MAC }) {
				continue
			}
			host := c.identify(v.MAC, v.Port)
			host.Segment = c.network(pve.NewSegment(h.Segment.Bridge, h.Segment.Tag, c.Node))
			host.Proxy = v.Proxy
			c.hosts = append(c.hosts, host)
		}
	}
	if !heard {
		c.doubt = "nobody was asked on the network"
		if len(doubts) > 0 {
			c.doubt = doubts[0]
		}
	}
}

func (c *trial) verdict(s Severity, do []Step, format string, args ...any) (Verdict, bool) {
	return Verdict{Severity: s, Text: fmt.Sprintf(format, args...), Do: do}, true
}

func no() (Verdict, bool) { return Verdict{}, false }
