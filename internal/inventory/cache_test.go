package inventory

import (
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func sorted(files []file, less func(a, b file) bool) []file {
	slices.SortFunc(files, func(a, b file) int {
		if less(a, b) {
			return -1
		}
		return 1
	})
	return files
}

// whole is a cache with everything in it.
func whole() memory {
	at := place{"pve1", pve.VM, 101}
	use := func(addr string, w lease.Where) lease.Use {
		return lease.Use{
			Addr: netip.MustParseAddr(addr), Owner: pve.Owner{Kind: pve.VM, VMID: 101, NIC: 31},
			Segment: pve.NewSegment("vmbr0", 4094, "pve1"), Where: w,
		}
	}
	seen := map[place]*parsed{
		at: {
			version: version{7, math.MaxInt64, -1, 3},
			guest:   lease.Guest{Kind: pve.VM, VMID: 101, Node: "pve1", Name: "web\t\n", Template: true, Hooked: true, MACs: []pve.MAC{{1}, {2}}},
			uses:    []lease.Use{use("10.0.0.5", lease.Snapshot), use("fd00::5", lease.Pending), use("fe80::1%eth0", lease.Pending)},
		},
		{"pve2", pve.Container, 102}: {version: version{7, 2}, guest: lease.Guest{VMID: 102, Node: "pve2", MACs: []pve.MAC{}}, uses: []lease.Use{}},
	}
	return memory{
		seen: seen, own: ownAddrs{true, []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1")}},
		given: given{true, ipamFiles[0], version{1, 2, 3, 4}, []IPAMEntry{
			{Addr: netip.MustParseAddr("10.0.0.9"), VMID: 200, MAC: pve.MAC{2}}, {Addr: netip.MustParseAddr("fd00::1"), Gateway: true},
		}},
	}
}

func cmpCache() cmp.Options {
	return cmp.Options{
		cmp.AllowUnexported(parsed{}, place{}, memory{}, ownAddrs{}, given{}),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
}

// TestCacheKeepsEverything: also a field that is added some day.
func TestCacheKeepsEverything(t *testing.T) {
	t.Parallel()
	want := whole()
	got, ok := decode(string(encode(want)))
	if diff := cmp.Diff(want, got, cmpCache()); diff != "" || !ok {
		t.Errorf("read %v (-want +got):\n%s", ok, diff)
	}
	one := want.seen[place{"pve1", pve.VM, 101}]
	for _, v := range []reflect.Value{reflect.ValueOf(one.guest), reflect.ValueOf(one.uses[0])} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s is not tried here; see that the cache keeps it", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

// TestDamagedCache: of a cache that is cut off nothing is believed.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	data := string(encode(whole()))
	for i := range data {
		if _, ok := decode(data[:i]); ok {
			t.Errorf("the first %d of %d bytes are believed", i, len(data))
		}
	}
	if _, ok := decode(data + "x"); ok {
		t.Error("something that follows is not noticed")
	}
}

func FuzzCache(f *testing.F) {
	f.Add(string(encode(whole())))
	f.Add(cacheFormat + "\x01\x00\x00")
	f.Fuzz(func(t *testing.T, text string) {
		seen, ok := decode(text)
		if !ok {
			return
		}
		again, ok := decode(string(encode(seen)))
		if diff := cmp.Diff(seen, again, cmpCache()); diff != "" || !ok {
			t.Errorf("%q read again %v:\n%s", text, ok, diff)
		}
	})
}

// BenchmarkRead is the price of an inventory with one changed config, as a
// process has it that reads the cache first.
func BenchmarkRead(b *testing.B) {
	for _, guests := range []int{10, 500, 2000} {
		tr := newTree(b)
		lines := make([]string, guests)
		list := func() tree {
			return tr.write(".version", "{\n\"starttime\": 7,\n\"clinfo\": 1\n}\n").
				write(".vmlist", "{\n\"version\": 3,\n\"ids\": {\n"+strings.Join(lines, ",\n")+"}\n\n}\n")
		}
		for i := range guests {
			node := fmt.Sprintf("pve%d", i%16)
			tr.ct(node, 1000+i, fmt.Sprintf("10.0.%d.%d", i/200, i%200+1))
			lines[i] = fmt.Sprintf(`"%d": { "node": "%s", "type": "lxc", "version": %d }`, 1000+i, node, i+1)
		}
		list()
		b.Run(fmt.Sprintf("walk/%d", guests), func(b *testing.B) {
			for b.Loop() {
				if _, err := NewReader(tr.dir, "", none).Read(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("kept/%d", guests), func(b *testing.B) { // all as it was, and no pmxcfs to say so
			cached := filepath.Join(b.TempDir(), "inventory")
			r := NewReader(tr.dir, cached, none)
			if _, err := r.Read(b.Context()); err != nil {
				b.Fatal(err)
			}
			for _, p := range r.seen {
				p.young = false
			}
			r.Save()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewReader(tr.dir, cached, none).Read(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
		cached := filepath.Join(b.TempDir(), "inventory")
		r := NewClusterReader(clusterfs.At(tr.dir, ""), cached, none)
		if _, err := r.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
		r.Save()
		lines[0] = `"1000": { "node": "pve0", "type": "lxc", "version": 9999 }`
		list()
		b.Run(fmt.Sprintf("cached/%d", guests), func(b *testing.B) {
			defer lab.CPU(b)()
			for b.Loop() {
				inv, err := NewClusterReader(clusterfs.At(tr.dir, ""), cached, none).Read(b.Context())
				if err != nil || len(inv.Guests) != guests || len(inv.Uses) != guests {
					b.Fatal(err, len(inv.Guests))
				}
			}
		})
	}
}
