package evidence_test

import (
	"testing"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// crowd is a world of 500 guests, of which 40 have a lease of the pool.
func crowd() world {
	w := newWorld()
	a := addr("10.1.0.1")
	for id := pve.VMID(1000); id < 1500; id++ {
		m := pve.MAC{0xbc, 0x24, 0x11, 1, byte(id >> 8), byte(id)}
		w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: "pve1", Name: "guest", MACs: []pve.MAC{m}}
		w.Inventory.Uses[a] = []lease.Use{{Addr: a, Owner: ct(id), Segment: lan}}
		w.Kernel.Stations = append(w.Kernel.Stations, evidence.Station{MAC: m, Bridge: "vmbr0", Port: "veth" + id.String() + "i0"})
		a = a.Next()
	}
	a = addr("10.0.0.200")
	for id := pve.VMID(1000); id < 1040; id++ {
		w.Table.Add(lease.Lease{Key: lease.Key{Segment: lan, Addr: a}, Owner: ct(id)})
		a = a.Next()
	}
	return w
}

func BenchmarkJudge(b *testing.B) {
	w := crowd()
	for b.Loop() {
		d := w.About(tested, heard(voice(printerMAC, "")), nil)
		_, _ = evidence.Judge(d), d.Observations()
	}
}

func BenchmarkAudit(b *testing.B) {
	w := crowd()
	var all []evidence.Finding
	for b.Loop() {
		all = evidence.Audit(w.Snapshot, nil, nil)
	}
	b.ReportMetric(float64(len(all)), "findings")
}

// BenchmarkKernel looks at the kernel's tables on a node with 500 guests.
func BenchmarkKernel(b *testing.B) {
	f := lab.New(b)
	node, _ := f.Node("pve1", f.LAN())
	f.Must(node.DisableIPv6())
	for i := range 500 {
		f.Must(node.AddPort("vmbr0", lab.GuestPort(pve.VMID(1000+i), 0)))
	}
	for name, look := range map[string]func() (evidence.Kernel, error){"look": evidence.LookAtKernel, "glance": evidence.GlanceAtKernel} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			f.Must(node.Do(func() error {
				for b.Loop() {
					if _, err := look(); err != nil {
						return err
					}
				}
				return nil
			}))
		})
	}
}
