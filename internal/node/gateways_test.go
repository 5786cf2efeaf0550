package node

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
)

var (
	router = netip.MustParseAddr("10.0.0.1")
	macA   = lease.MAC{2, 0, 0, 0, 0, 1}
	macB   = lease.MAC{2, 0, 0, 0, 0, 2}
)

func TestGateways(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	known := func() lease.MAC {
		mac, _ := h.Gateways().MAC("vmbr0", 20, router)
		return mac
	}
	if mac, ok := h.Gateways().MAC("vmbr0", 20, router); ok || !mac.IsZero() {
		t.Errorf("at first: %v %t", mac, ok)
	}
	g := h.Gateways()
	g.Learn("vmbr0", 20, router, macA)
	if mac, ok := g.MAC("vmbr0", 20, router); !ok || mac != macA || known() != macA {
		t.Errorf("learnt: %v %t, read again %v", mac, ok, known())
	}
	for _, other := range []gateway{{"vmbr1", 20, router}, {"vmbr0", 0, router}, {"vmbr0", 20, router.Next()}} {
		if mac, ok := g.MAC(other.bridge, other.tag, other.addr); ok {
			t.Errorf("%+v is known as %v", other, mac)
		}
	}
	h.Gateways().Learn("vmbr1", 0, router, macB) // by another process
	g.Learn("vmbr0", 20, router, macB)
	if _, ok := h.Gateways().MAC("vmbr1", 0, router); !ok || known() != macB {
		t.Errorf("what another learnt is kept: %t, replaced: %v", ok, known())
	}
	if diff := cmp.Diff([]string{"gateways.json"}, files(t, h.Path("/var/lib/pve-iplease"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGatewaysWritesOnlyNews(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	g := h.Gateways()
	g.Learn("vmbr0", 0, router, lease.MAC{})
	g.Learn("vmbr0", 0, netip.Addr{}, macA)
	if _, err := os.Stat(g.path); !os.IsNotExist(err) {
		t.Errorf("nothing learnt, but %v", err)
	}
	g.Learn("vmbr0", 0, router, macA)
	if err := os.Remove(g.path); err != nil {
		t.Fatal(err)
	}
	g.Learn("vmbr0", 0, router, macA)
	if _, err := os.Stat(g.path); !os.IsNotExist(err) {
		t.Errorf("no news, but written: %v", err)
	}
}

func TestGatewaysDamage(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	for _, text := range []string{"", "{", "[1]", `[{"bridge":"vmbr0","addr":"10.0.0.1","mac":"x"}]`, "\x00"} {
		write(t, h.Gateways().path, text)
		if mac, ok := h.Gateways().MAC("vmbr0", 0, router); ok {
			t.Errorf("%q: %v", text, mac)
		}
		g := h.Gateways()
		g.Learn("vmbr0", 0, router, macA)
		if mac, _ := h.Gateways().MAC("vmbr0", 0, router); mac != macA {
			t.Errorf("%q: not learnt afterwards", text)
		}
	}
	// A place that cannot be written is no error; it is known for this run.
	blocked, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(blocked.root, "var/lib/pve-iplease"), "a file")
	g := blocked.Gateways()
	g.Learn("vmbr0", 0, router, macA)
	if mac, _ := g.MAC("vmbr0", 0, router); mac != macA {
		t.Errorf("not even for this run: %v", mac)
	}
}

func FuzzParseGateways(f *testing.F) {
	f.Add([]byte(`[{"bridge":"vmbr0","tag":20,"addr":"10.0.0.1","mac":"02:00:00:00:00:01"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for k, mac := range parseGateways(data) {
			if !k.addr.IsValid() || mac.IsZero() {
				t.Errorf("%q: %+v %v", data, k, mac)
			}
		}
	})
}
