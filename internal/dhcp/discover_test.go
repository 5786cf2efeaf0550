package dhcp_test

import (
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// Real servers offer an address to one who only asks, also over a bridge
// without IPv4, and give it to nobody.
func TestDiscover(t *testing.T) {
	t.Parallel()
	for name := range servers("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			dir := t.TempDir()
			s := servers(dir)[name]
			lab.RequireProgram(t, s.program)
			lan := f.LAN()
			node, _ := f.Node("pve1", lan)
			host := f.Host(lan, "10.0.0.1/24")
			s.start(t, host, dir)

			got := s.offers(t, node)
			if len(got) != 1 {
				t.Fatalf("%+v, want one offer", got)
			}
			o := got[0]
			if o.Server != netip.MustParseAddr("10.0.0.1") || o.MAC != host.MAC || o.Bits != 24 || o.Time != time.Hour || o.Port != "eno1" {
				t.Errorf("%+v", o)
			}
			if !span("10.0.0.219", "10.0.0.220").Contains(o.Addr) {
				t.Errorf("%v is offered, which the server hasn't", o.Addr)
			}
			for _, l := range s.parse(t, dir, s.leases, s.format).Leases {
				if l.Active(time.Now()) {
					t.Errorf("%+v is leased, but nobody requested it", l)
				}
			}
		})
	}
}

// offers asks until the server has started.
func (s server) offers(t *testing.T, node *lab.Node) (all []probe.Offer) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(all) == 0 && time.Now().Before(deadline); {
		err := node.Do(func() error {
			port, err := probe.Open(probe.Place{Bridge: "vmbr0"}, nil)
			if err != nil {
				return err
			}
			defer port.Close()
			all, err = port.Discover(t.Context(), time.Second)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
