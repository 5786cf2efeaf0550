package probe_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
)

// A container of the real LXC with a host-managed NIC has the address that the
// generated file names, answers for it on the wire, and announces it to a
// neighbour who has not talked to it.
//
//nolint:paralleltest // containers share /var/lib/lxc
func TestRealContainer(t *testing.T) {
	f := lab.New(t)
	lan := f.LAN()
	neighbour := f.Host(lan, "10.0.0.2/24")
	pve, _ := f.Node("pve1", lan)
	mac := lab.RandomMAC()
	ct := f.LXC(pve, 101, mac, "lxc.net.0.ipv4.address = 10.0.0.201/24", "lxc.net.0.ipv4.gateway = 10.0.0.1")
	f.Must(ct.Start())
	f.Must(neighbour.Believe(tested, lab.RandomMAC()))

	r := ask(t, pve, nil)
	want(t, r, probe.Taken, probe.Free)
	if a := r.Answers[0]; a.MACs[0] != mac || a.Ports[0] != "veth101i0" {
		t.Errorf("%+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.Must(pve.Do(func() error {
		host, err := node.Open("")
		if err != nil {
			return err
		}
		pid, err := host.InitProcess(101)
		if err != nil {
			return err
		}
		return probe.Announce(ctx, probe.Guest{PID: pid, Device: "eth0"}, []netip.Addr{tested})
	}))
	for {
		got, err := neighbour.Cached(tested)
		f.Must(err)
		if got == mac {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s is thought to be at %s", tested, got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
