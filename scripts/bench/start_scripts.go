package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
)

// scripts are the rows of what looks for an address that is silent: loops of a
// shell as scripts have them, and sweeps of the whole range.
func (c *crowd) scripts() []row {
	last := span(poolFirst, poolSize)[poolSize-1]
	from, to := poolFirst.As4(), last.As4()
	each := func(try string) []string {
		return []string{"/bin/sh", "-c", fmt.Sprintf(
			"for i in $(seq %d %d); do a=%d.%d.%d.$i; %s && { echo $a; exit; }; done; exit 1", from[3], to[3], from[0], from[1], from[2], try)}
	}
	sweep := fmt.Sprintf("%d.%d.%d.%d-%d", from[0], from[1], from[2], from[3], to[3])
	return []row{
		c.row("ping loop", "ping", c.firstOf("ping", each("! ping -c1 -W1 $a >/dev/null 2>&1"))),
		c.row("arping loop", "arping", c.firstOf("arping", each("arping -q -D -c2 -I "+bridge+" $a"))),
		c.row("fping -g", "fping", c.silent("fping", "-a", "-q", "-g", poolFirst.String(), last.String())),
		c.row("nmap -sn -n", "nmap", c.silent("nmap", "-sn", "-n", "-oG", "-", sweep)),
	}
}

// firstOf measures a loop that prints the address that it has found.
func (c *crowd) firstOf(name string, argv []string) func() (sample, error) {
	return func() (sample, error) {
		s, err := c.run(exec.Command(argv[0], argv[1:]...))
		if err != nil {
			return nil, err
		}
		found, err := netip.ParseAddr(trimmed(s.out))
		if err != nil {
			return nil, fmt.Errorf("%s found nothing: %s", name, s.log)
		}
		return c.judged(found, ms(s.wall), ms(s.wall), s.sent), nil
	}
}

// silent measures a sweep, after which the first address that is not among
// those that answered is taken.
func (c *crowd) silent(name string, args ...string) func() (sample, error) {
	return func() (sample, error) {
		path, _ := lookUp(name)
		s, err := c.run(exec.Command(path, args...))
		if err != nil {
			return nil, err
		}
		alive := addresses(s.out)
		for _, a := range span(poolFirst, poolSize) {
			if !slices.Contains(alive, a) {
				return c.judged(a, ms(s.wall), ms(s.wall), s.sent), nil
			}
		}
		return nil, fmt.Errorf("%s found no free address: %s", name, s.log)
	}
}

var dotted = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`)

// addresses are the IPv4 addresses in what a program printed.
func addresses(out string) (all []netip.Addr) {
	for _, text := range dotted.FindAll([]byte(out), -1) {
		if a, err := netip.ParseAddr(string(bytes.TrimSpace(text))); err == nil {
			all = append(all, a)
		}
	}
	return all
}
