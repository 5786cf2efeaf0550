package main

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
)

// judge says which of some addresses are free. Its addresses are all
// occupied: free is wrong.
type judge struct {
	by      string
	missing string
	addrs   int // that one question is for
	atOnce  int // questions that the machine bears side by side
	ask     func(*lane, []netip.Addr) (verdict, error)
}

// startAddrs is the size of the pool of a start: as many as are asked at once.
const startAddrs = 3

func judges(b *bench) []judge {
	var all []judge
	for _, preset := range []string{"fast", "default", "careful"} {
		all = append(all, judge{by: "pve-iplease, " + preset, addrs: startAddrs, atOnce: 1 << 10, ask: func(l *lane, addrs []netip.Addr) (verdict, error) {
			return l.start(preset, addrs)
		}})
	}
	_, missing := lookUp("arping")
	all = append(all, judge{by: "arping -D -c2", missing: missing, addrs: 1, atOnce: 1 << 10, ask: (*lane).arping})
	for _, t := range tools() {
		if t.peer == "fping" {
			continue // it asks by ping, and the kernel by ARP, in its own time
		}
		all = append(all, judge{by: t.by, missing: t.missing(), addrs: b.scale(254, 6), atOnce: 2, ask: t.judge})
	}
	return all
}

// start starts a container that has no address yet. A window in which all
// were heard ends in exit status 4: no free address.
func (l *lane) start(preset string, addrs []netip.Addr) (verdict, error) {
	for _, prepare := range []func() error{
		l.forgetLeases,
		func() error { return l.tree.WritePools(lanePools(preset, addrs)) },
		func() error { return l.container(startID, "manual") },
	} {
		if err := prepare(); err != nil {
			return verdict{}, err
		}
	}
	s, err := l.run(l.hook(startID, "pre-start"))
	switch {
	case err != nil:
		return verdict{}, err
	case s.code == exhausted:
		return verdict{judged: len(addrs)}, nil
	case s.code != 0:
		return verdict{}, fmt.Errorf("exit status %d: %s", s.code, s.log)
	}
	got, err := l.leased(startID)
	return ended(addrs, got), err
}

// exhausted is the exit status of a start without a free address.
const exhausted = 4

// ended judges a start that found an address. Of the pool's addresses those
// before it were heard; what was thought of those behind it is not told.
func ended(addrs []netip.Addr, got netip.Addr) verdict {
	return verdict{judged: slices.Index(addrs, got) + 1, free: 1}
}

func lanePools(preset string, addrs []netip.Addr) string {
	network := laneNode.Masked()
	return fmt.Sprintf("pool: lan\n\tbridge %s\n\tsubnet %s\n\tgateway %s\n\trange %s-%s\n\tprobe %s\n",
		bridge, network, network.Addr().Next(), addrs[0], addrs[len(addrs)-1], preset)
}

// arping asks for each address; exit status 1 means that somebody has it.
func (l *lane) arping(addrs []netip.Addr) (v verdict, err error) {
	path, _ := lookUp("arping")
	for _, a := range addrs {
		s, err := l.run(exec.Command(path, "-D", "-c", "2", "-I", bridge, a.String()))
		switch {
		case err != nil:
			return v, err
		case s.code > 1:
			return v, fmt.Errorf("exit status %d: %s", s.code, s.log)
		case s.code == 0:
			v.free++
		}
		v.judged++
	}
	return v, nil
}

// judge asks for a network; who was not found counts as called free.
func (t tool) judge(l *lane, addrs []netip.Addr) (verdict, error) {
	bits := 24
	if len(addrs) < 254 {
		bits = 29
	}
	network := netip.PrefixFrom(addrs[0], bits).Masked()
	c, err := t.sweep(l.site, network, patience)
	if err != nil {
		return verdict{}, err
	}
	right, _ := tally(c.found, addrs, laneNode.Addr())
	return verdict{judged: len(addrs), free: len(addrs) - right}, nil
}
