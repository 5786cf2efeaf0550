package lease_test

import (
	"errors"
	"net/netip"
	"testing"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// TestCapacity: a pool says that it holds as many addresses as it leases until
// it is exhausted.
func TestCapacity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, subnet, gateway, first, last string
		excludes                           []string
		want                               uint64
	}{
		{name: "inside of the network", subnet: "10.0.0.0/24", gateway: "10.0.0.1", first: "10.0.0.200", last: "10.0.0.239", want: 40},
		{name: "the whole network", subnet: "10.0.0.0/24", first: "10.0.0.0", last: "10.0.0.255", want: 254},
		{name: "with its gateway", subnet: "10.0.0.0/24", gateway: "10.0.0.1", first: "10.0.0.0", last: "10.0.0.255", want: 253},
		{name: "an exclude is the gateway as well", subnet: "10.0.0.0/28", gateway: "10.0.0.3", first: "10.0.0.2", last: "10.0.0.9", excludes: []string{"10.0.0.3", "10.0.0.5", "10.0.0.14"}, want: 6},
		{name: "a gateway elsewhere", subnet: "10.0.0.0/28", gateway: "10.0.1.1", first: "10.0.0.1", last: "10.0.0.14", want: 14},
		{name: "a /31 has no ends", subnet: "10.0.0.0/31", first: "10.0.0.0", last: "10.0.0.1", want: 2},
		{name: "the last network there is", subnet: "255.255.255.248/29", first: "255.255.255.248", last: "255.255.255.255", want: 6},
		{name: "anycast of a /120", subnet: "2001:db8::/120", gateway: "fe80::1", first: "2001:db8::", last: "2001:db8::ff", want: 255},
		{name: "anycast of a /112", subnet: "2001:db8::/112", gateway: "2001:db8::ff01", first: "2001:db8::ff00", last: "2001:db8::ffff", want: 127},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := lan(func(p *lease.Pool) {
				p.Subnet, p.Gateway, p.Ranges, p.Excludes = netip.MustParsePrefix(c.subnet), lease.Gateway{}, []pve.Range{{First: ip(c.first), Last: ip(c.last)}}, nil
				if c.gateway != "" {
					p.Gateway.Addr = ip(c.gateway)
				}
				for _, e := range c.excludes {
					p.Excludes = append(p.Excludes, pve.Range{First: ip(e), Last: ip(e)})
				}
			})
			if got := p.Capacity(); got != c.want {
				t.Errorf("it counts %d, want %d", got, c.want)
			}
			if got := leaseAll(t, p); got != c.want {
				t.Errorf("it leases %d, want %d", got, c.want)
			}
		})
	}
}

// leaseAll leases addresses of a pool until none is left, and counts them.
func leaseAll(t *testing.T, p lease.Pool) (n uint64) {
	s := newScene(p)
	for id := pve.VMID(101); ; id++ {
		_, err := s.acquire(nic(want(id, ""), 0, p.Family()))
		var full *lease.ExhaustedError
		switch {
		case errors.As(err, &full):
			return n
		case err != nil:
			t.Fatal(err)
		}
		n++
	}
}
