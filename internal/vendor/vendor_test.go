package vendor_test

import (
	"os"
	"path/filepath"
	"testing"

	"pve-iplease/internal/pve"
	"pve-iplease/internal/vendor"
)

const oui = `OUI/MA-L                                                    Organization
company_id                                                  Organization

B8-27-EB   (hex)		Raspberry Pi Foundation
B827EB     (base 16)		Raspberry Pi Foundation
70-B3-D5   (hex)		IEEE Registration Authority
00-00-5E   (hex)		ICANN, IANA Department`

func TestName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oui.txt")
	if err := os.WriteFile(path, []byte(oui), 0o644); err != nil {
		t.Fatal(err)
	}
	list, none := vendor.Open(path), vendor.Open(path+".gone")
	for mac, want := range map[string]struct{ listed, builtIn string }{
		"BC:24:11:00:00:01": {"a Proxmox guest", "a Proxmox guest"},
		"52:54:00:00:00:01": {"QEMU", "QEMU"},
		"DA:A1:19:00:00:01": {vendor.Private, vendor.Private},
		"B8:27:EB:00:00:01": {"Raspberry Pi Foundation", ""},
		"00:00:5E:00:53:01": {"ICANN, IANA Department", ""},
		"70:B3:D5:00:00:01": {"", ""},
		"00:01:02:03:04:05": {"", ""},
	} {
		m, err := pve.ParseMAC(mac)
		if err != nil {
			t.Fatal(err)
		}
		if got := list.Name(m); got != want.listed {
			t.Errorf("%s: %q, want %q", mac, got, want.listed)
		}
		for _, l := range []*vendor.List{none, nil} {
			if got := l.Name(m); got != want.builtIn {
				t.Errorf("%s without the list: %q, want %q", mac, got, want.builtIn)
			}
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte(oui), []byte{0xb8, 0x27, 0xeb})
	f.Fuzz(func(t *testing.T, text, first []byte) {
		path := filepath.Join(t.TempDir(), "oui.txt")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		var m pve.MAC
		copy(m[:], first)
		if a, b := vendor.Open(path).Name(m), vendor.Name(m); b != "" && a != b {
			t.Errorf("%q where %q is built in", a, b)
		}
	})
}
