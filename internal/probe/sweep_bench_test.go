package probe

import (
	"fmt"
	"net/netip"
	"testing"

	"pve-iplease/internal/lab"
)

// BenchmarkSweep measures sweeps of a network in which hosts answer, each with
// a MAC of its own, and whether all of them are found.
func BenchmarkSweep(b *testing.B) {
	for _, c := range []struct {
		network string
		hosts   int
		fast    bool
	}{{"10.9.0.0/24", 100, false}, {"10.9.0.0/24", 100, true}, {"10.9.0.0/24", 254, true}, {"10.9.0.0/16", 1000, false}, {"10.9.0.0/16", 1000, true}} {
		b.Run(fmt.Sprintf("%s/hosts=%d/fast=%t", c.network, c.hosts, c.fast), func(b *testing.B) {
			f, lan, _, p := wired(b)
			addrs := hostsOf(netip.MustParsePrefix(c.network))
			crowded(f, lan, addrs, c.hosts)
			found := 0
			for b.Loop() {
				r, err := p.Sweep(b.Context(), Sweep{Addrs: addrs, Pace: SweepPreset(len(addrs), c.fast)})
				f.Must(err)
				if r.Doubt != "" {
					b.Log(r.Doubt)
				}
				found += len(r.Found)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
			b.ReportMetric(float64(found)/float64(b.N), "found/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// hostsOf lists the addresses of a network that hosts may have.
func hostsOf(n netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for a := n.Addr().Next(); n.Contains(a.Next()); a = a.Next() {
		all = append(all, a)
	}
	return all
}

// crowded spreads strangers evenly over addresses, and says who has which.
func crowded(f lab.Fixture, lan *lab.LAN, addrs []netip.Addr, hosts int) map[netip.Addr]*lab.Stranger {
	all := map[netip.Addr]*lab.Stranger{}
	for i := range hosts {
		a := addrs[i*len(addrs)/hosts]
		all[a] = f.Stranger(lan, lab.Script{Addrs: []netip.Addr{a}})
	}
	return all
}
