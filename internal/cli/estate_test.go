package cli_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// estate is the tree of node pve1 with its files, without a network.
type estate struct {
	t    testing.TB
	root string
}

func newEstate(t testing.TB, pools string) *estate {
	t.Helper()
	e := &estate{t, t.TempDir()}
	e.write("etc/pve/pve-iplease/pools.cfg", pools)
	e.must(os.Symlink("nodes/pve1", filepath.Join(e.root, "etc/pve/local")))
	return e
}

func (e *estate) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *estate) write(path, text string) {
	e.t.Helper()
	path = filepath.Join(e.root, path)
	e.must(os.MkdirAll(filepath.Dir(path), 0o755))
	e.must(os.WriteFile(path, []byte(text), 0o644))
}

// guest writes a container's config.
func (e *estate) guest(id pve.VMID, name, ip string) {
	e.t.Helper()
	e.write(fmt.Sprintf("etc/pve/nodes/pve1/lxc/%s.conf", id),
		fmt.Sprintf("hostname: %s\nnet0: name=eth0,bridge=vmbr0,hwaddr=%s,ip=%s,type=veth\n", name, guestMAC(id), ip))
}

func guestMAC(id pve.VMID) pve.MAC {
	return pve.MAC{0xbc, 0x24, 0x11, byte(id >> 16), byte(id >> 8), byte(id)}
}

// lease puts leases into the ledger, through the ledger itself.
func (e *estate) lease(all ...lease.Lease) {
	e.t.Helper()
	path := func(p string) string { return filepath.Join(e.root, p) }
	l, err := ledger.Open(ledger.Options{Dir: path("etc/pve/priv/pve-iplease"), PVE: path("etc/pve"), Run: path("run/pve-iplease"), Scratch: true})
	e.must(err)
	e.must(l.Update(context.Background(), func(t *lease.Table) error {
		for _, one := range all {
			t.Add(one)
		}
		t.Known("elsewhere", "test", pve.MAC{2, 0, 0, 0, byte(t.Generation >> 8), byte(t.Generation)}) // a change, so that the table is written
		return nil
	}))
}

// boundTo is a lease as a guest that runs has it.
func boundTo(id pve.VMID, addr netip.Addr) lease.Lease {
	at := time.Date(2026, 11, 21, 22, 42, 0, 0, time.UTC)
	return lease.Lease{
		Key:   lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: addr},
		Owner: pve.Owner{VMID: id}, MAC: guestMAC(id), Since: at,
		Claim: lease.Claim{ID: "c0ffee00", Node: "pve1", Boot: "00000001", At: at},
	}
}
