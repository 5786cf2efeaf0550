package probe

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// BenchmarkOpen measures what a start pays before the first probe.
func BenchmarkOpen(b *testing.B) {
	f, _, node, _ := wired(b)
	f.Must(node.Do(func() error {
		for b.Loop() {
			p, err := Open(Place{Bridge: "vmbr0"}, nil)
			if err != nil {
				return err
			}
			p.Close()
		}
		return nil
	}))
}

// BenchmarkTemporaryPort measures what a start in a VLAN pays before the first
// probe. On a kernel without VLAN filtering the port stays in the VLAN that it
// comes into, which saves two requests of some 20 µs.
func BenchmarkTemporaryPort(b *testing.B) {
	f := lab.New(b)
	lan := f.LAN()
	node, err := lab.NewNode("pve1")
	f.Must(err)
	b.Cleanup(func() { _ = node.Close() })
	if err := node.AddAwareBridge("vmbr0"); err != nil {
		f.Must(node.AddBridge("vmbr0"))
	}
	_, err = node.Uplink("vmbr0", "eno1", lan)
	f.Must(err)
	at := Place{Bridge: "vmbr0", Tag: 20, MAC: lab.RandomMAC()}
	f.Must(node.Do(func() error {
		for b.Loop() {
			k, _, err := openBridge(at.Bridge)
			if err != nil {
				return err
			}
			if k.vlan = at.Tag; !k.self.aware {
				k.vlan, k.self.pvid = 1, 1
			}
			p, err := at.openTemporary(k, 0, nil)
			if err != nil {
				return err
			}
			b.StopTimer()
			closed := make(chan error)
			go func() { closed <- p.wire.(*tapWire).file.Close() }() // as it is done beside a start
			k.close()
			if err := <-closed; err != nil {
				return err
			}
			b.StartTimer()
		}
		return nil
	}))
}

// BenchmarkWindow measures what a window costs beyond the time it is meant to
// take, on hosts with few and with many guests.
func BenchmarkWindow(b *testing.B) {
	for _, guests := range []int{1, 300} {
		b.Run(fmt.Sprintf("%dguests", guests), func(b *testing.B) {
			f, _, node, p := wired(b)
			f.Must(node.DisableIPv6())
			for i := range guests {
				f.Must(node.AddPort("vmbr0", lab.GuestPort(pve.VMID(100+i), 0)))
			}
			pace := Pace{Probes: 2, Interval: 5 * time.Millisecond, Wait: 5 * time.Millisecond}
			q := Question{Candidates: candidates, Gateways: []Gateway{{Addr: gatewayIP}}, Pace: pace}
			for b.Loop() {
				p.budget = budget{}
				if _, err := p.Ask(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
			over := b.Elapsed() - time.Duration(b.N)*pace.Window()
			b.ReportMetric(float64(over.Microseconds())/float64(b.N), "overhead-µs/op")
		})
	}
}

// BenchmarkLook measures one look at a bridge with many ports.
func BenchmarkLook(b *testing.B) {
	f, _, node, p := wired(b)
	f.Must(node.DisableIPv6())
	for i := range 300 {
		f.Must(node.AddPort("vmbr0", lab.GuestPort(pve.VMID(100+i), 0)))
	}
	for b.Loop() {
		if _, err := p.bridge.look(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTaken measures the way to an answer: from the question to the
// verdict about an address that a stranger has.
func BenchmarkTaken(b *testing.B) {
	f, lan, _, p := wired(b)
	f.Stranger(lan, lab.Script{Addrs: []netip.Addr{first}})
	for b.Loop() {
		p.budget = budget{}
		r, err := p.Ask(b.Context(), Question{Candidates: candidates[:1], Pace: defaultPace()})
		if err != nil || r.Answers[0].Verdict != Taken {
			b.Fatal(r, err)
		}
	}
}
