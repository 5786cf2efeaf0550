package evidence_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/dhcp"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestFind(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.leased(ct(101), lease.Bound)
	w.named(vm(200), lease.Running, "pve1")
	w.served(printer(tvMAC), dhcp.Lease{Addr: addr("10.0.0.7"), MAC: printerMAC, Name: "laser"})
	w.Kernel.Neighbours = []evidence.Neighbour{{Addr: addr("fe80::1"), MAC: tvMAC}, {Addr: addr("10.0.0.8"), MAC: tvMAC}}
	w.IPAM = []inventory.IPAMEntry{{Addr: addr("10.0.0.9"), VMID: 102}}
	for arg, want := range map[string]struct{ title, addrs, fail string }{
		"10.0.0.219":        {"", "[10.0.0.219]", ""},
		"::ffff:10.0.0.219": {"", "[10.0.0.219]", ""},
		"fd00::1":           {"", "[fd00::1]", ""},
		"101":               {"CT 101 (web) on pve1", "[10.0.0.219]", ""},
		"102":               {"CT 102 (db) on pve2", "[10.0.0.9]", ""},
		"900":               {"CT 900 (golden) on pve1", "[]", ""},
		"200":               {"VM 200 (tv) on pve1", "[10.0.0.8 10.0.0.219]", ""},
		"TV":                {"VM 200 (tv) on pve1", "[10.0.0.8 10.0.0.219]", ""},
		"525400000200":      {"52:54:00:00:02:00 (QEMU): VM 200 (tv) on pve1", "[10.0.0.8 10.0.0.219]", ""},
		"00:11:22:33:44:55": {"00:11:22:33:44:55", "[10.0.0.7]", ""},
		"laser":             {"laser", "[10.0.0.7]", ""},
		"1001":              {"", "", "there is no guest 1001; did you mean 101?"},
		"laserr":            {"", "", `"laserr" is no address, and no guest or DHCP client is called so; did you mean laser?`},
		"x\x1b[m":           {"", "", `"x�[m" is no address, and no guest or DHCP client is called so`},
		"02:00:00:00:00:01": {"", "", "02:00:00:00:00:01: nothing is known of it: no guest, lease, neighbour or bridge has it"},
	} {
		s, err := w.Find(arg)
		if fail := want.fail; fail != "" || err != nil {
			if err == nil || err.Error() != fail {
				t.Errorf("%q: error %v, want %q", arg, err, fail)
			}
			continue
		}
		got := []string{s.Title, text(s.Addrs)}
		if diff := cmp.Diff([]string{want.title, want.addrs}, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", arg, diff)
		}
	}
	if _, err := w.Find("02:00:00:00:00:01"); !errors.Is(err, evidence.ErrNothing) {
		t.Errorf("error %v, want ErrNothing", err)
	}
	g := w.Inventory.Guests[102]
	g.Name = "web"
	w.Inventory.Guests[102] = g
	if _, err := w.Find("web"); err == nil || err.Error() != `2 guests are called "web": [101 102]; name one by its VMID` {
		t.Errorf("two guests of one name: %v", err)
	}
}

// Hookscripts are looked for where storage.cfg says, on every node as far as it
// can be told from here.
func TestScripts(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := func(p string) string { return filepath.Join(root, p) }
	write := func(name, text string, mode os.FileMode) {
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("/etc/pve/storage.cfg", "# ours\ndir: local\n\tpath /var/lib/vz\n\tcontent iso\n\nnfs: share\n\texport /x\n\ndir: other\n\tpath /srv/other\n"+
		"\tnodes pve1,pve3\n\ndir: moved\n\tpath /srv/moved\n\tshared 1\n\tcontent-dirs iso=i,snippets=hooks/of/ours\n\nlvm: lvm\n\tvgname pve\n", 0o644)
	write("/var/lib/vz/snippets/pve-iplease", "", 0o755)
	write("/srv/other/snippets/pve-iplease", "", 0o644)
	write("/srv/moved/hooks/of/ours/pve-iplease", "", 0o755)
	w := newWorld()
	w.Inventory.Guests = map[pve.VMID]lease.Guest{110: {VMID: 110, Node: "pve2"}}
	volumes := map[pve.VMID]string{101: "local", 103: "share", 104: "other", 105: "lost", 106: "local", 107: "moved", 108: "lvm", 202: "local", 203: "share", 204: "other"}
	for id := range volumes {
		w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: fmt.Sprintf("pve%d", id/100), Hooked: true}
	}
	got := w.Scripts(func(g lease.Guest) ([]byte, error) {
		return []byte("hookscript: " + volumes[g.VMID] + ":snippets/pve-iplease\n"), nil
	}, path)
	const local, noDir = "/var/lib/vz/snippets/pve-iplease", "is on a storage that has no directory"
	want := []evidence.Script{
		{Volume: "local:snippets/pve-iplease", Node: "pve1", Path: local, Guests: []pve.VMID{101, 106}},
		{Volume: "local:snippets/pve-iplease", Node: "pve2", Path: local, Guests: []pve.VMID{202}, Unseen: true},
		{Volume: "lost:snippets/pve-iplease", Node: "pve1", Guests: []pve.VMID{105}, Problem: noDir},
		{Volume: "lvm:snippets/pve-iplease", Node: "pve1", Guests: []pve.VMID{108}, Problem: noDir},
		{Volume: "moved:snippets/pve-iplease", Node: "pve1", Path: "/srv/moved/hooks/of/ours/pve-iplease", Guests: []pve.VMID{107}},
		{Volume: "other:snippets/pve-iplease", Node: "pve1", Path: "/srv/other/snippets/pve-iplease", Guests: []pve.VMID{104}, Problem: "is not executable"},
		{Volume: "other:snippets/pve-iplease", Node: "pve2", Guests: []pve.VMID{204}, Problem: "is on storage other, which the node doesn't have"},
		{Volume: "share:snippets/pve-iplease", Node: "pve1", Path: "/mnt/pve/share/snippets/pve-iplease", Guests: []pve.VMID{103}, Problem: "is missing"},
		{Volume: "share:snippets/pve-iplease", Node: "pve2", Path: "/mnt/pve/share/snippets/pve-iplease", Guests: []pve.VMID{203}, Problem: "is missing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
