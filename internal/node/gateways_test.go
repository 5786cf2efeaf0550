package node

import (
	"cmp"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

// Routers of the tests.
var (
	router = netip.MustParseAddr("10.0.0.1")
	macA   = pve.MAC{2, 0, 0, 0, 0, 1}
	macB   = pve.MAC{2, 0, 0, 0, 0, 2}
)

func TestGateways(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	known := func() pve.MAC {
		mac, _ := h.Gateways().MAC("vmbr0", 20, router)
		return mac
	}
	if mac, ok := h.Gateways().MAC("vmbr0", 20, router); ok || !mac.IsZero() {
		t.Errorf("at first: %v %t", mac, ok)
	}
	g := h.Gateways()
	if was := g.Learn("vmbr0", 20, router, macA, "eno1"); !was.IsZero() {
		t.Errorf("the first takes the place of %s", was)
	}
	if mac, ok := g.MAC("vmbr0", 20, router); !ok || mac != macA || known() != macA {
		t.Errorf("learnt: %v %t, read again %v", mac, ok, known())
	}
	for _, other := range []gateway{{"vmbr1", 20, router}, {"vmbr0", 0, router}, {"vmbr0", 20, router.Next()}} {
		if mac, ok := g.MAC(other.bridge, other.tag, other.addr); ok {
			t.Errorf("%+v is known as %v", other, mac)
		}
	}
	h.Gateways().Learn("vmbr1", 0, router, macB, "") // by another process
	if was := g.Learn("vmbr0", 20, router, macB, "eno1"); was != macA {
		t.Errorf("another MAC takes the place of %s, want %s", was, macA)
	}
	if was := g.Learn("vmbr0", 20, router, macB, "eno1"); !was.IsZero() {
		t.Errorf("it is told twice: %s", was)
	}
	if _, ok := h.Gateways().MAC("vmbr1", 0, router); !ok || known() != macB {
		t.Errorf("what another learnt is kept: %t, replaced: %v", ok, known())
	}
	if diff := gocmp.Diff([]string{"gateways.json"}, files(t, h.Path("/var/lib/pve-iplease"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// at is the memory as a process finds it then, on some boot.
func (h *Host) at(now time.Time, boot string) *Gateways {
	g := h.Gateways()
	g.now, g.boot = func() time.Time { return now }, boot
	g.known = g.read()
	return g
}

// Silence counts for an hour of one boot; an answer ends it, and nobody is
// remembered for ever.
func TestGatewaysAge(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		silent, after time.Duration
		boot          string
		again         bool
		known, due    bool
	}{
		"answers":                         {after: time.Hour, known: true, due: true},
		"silent for a moment":             {silent: time.Second, after: time.Minute, known: true, due: true},
		"silent for an hour":              {silent: time.Second, after: 2 * time.Hour, known: true},
		"silent for an hour, then booted": {silent: time.Second, after: 2 * time.Hour, boot: "b", known: true, due: true},
		"silent for an hour, then heard":  {silent: time.Second, after: 2 * time.Hour, again: true, known: true, due: true},
		"not asked for a week":            {after: 7 * 24 * time.Hour, known: true, due: true},
		"not asked for a month":           {after: 31 * 24 * time.Hour},
		"the clock was set back":          {silent: time.Second, after: -time.Hour, known: true, due: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := tree(t, "101", "")
			h.at(began, "a").Learn("vmbr0", 0, router, macA, "eno1")
			if c.silent > 0 {
				h.at(began.Add(c.silent), "a").Missed("vmbr0", 0, router)
				h.at(began.Add(c.silent+time.Minute/2), "a").Missed("vmbr0", 0, router) // later ones begin nothing anew
			}
			if c.again {
				h.at(began.Add(c.after), "a").Learn("vmbr0", 0, router, macA, "eno1")
			}
			mac, due := h.at(began.Add(c.after), cmp.Or(c.boot, "a")).MAC("vmbr0", 0, router)
			if (mac == macA) != c.known || due != c.due {
				t.Errorf("%s, due %t", mac, due)
			}
		})
	}
}

func TestForgetGateways(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	for _, want := range []int{0, 1, 0} {
		if want == 1 {
			h.Gateways().Learn("vmbr0", 0, router, macA, "eno1")
			if all := h.Gateways().All(); len(all) != 1 || all[0].Port != "eno1" || all[0].Heard.IsZero() {
				t.Errorf("%+v", all)
			}
		}
		if n, err := h.ForgetGateways(); err != nil || n != want {
			t.Errorf("forgot %d, %v, want %d", n, err, want)
		}
		if _, due := h.Gateways().MAC("vmbr0", 0, router); due {
			t.Error("it is still known")
		}
	}
	blocked, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(blocked.root, "var/lib/pve-iplease/gateways.json/x"), "a directory")
	if _, err := blocked.ForgetGateways(); err == nil {
		t.Error("what could not be forgotten is no error")
	}
}

func TestGatewaysWritesOnlyNews(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	g := h.Gateways()
	g.Learn("vmbr0", 0, router, pve.MAC{}, "")
	g.Learn("vmbr0", 0, netip.Addr{}, macA, "")
	g.Missed("vmbr0", 0, router)
	if _, err := os.Stat(g.path); !os.IsNotExist(err) {
		t.Errorf("nothing learnt, but %v", err)
	}
	g.Learn("vmbr0", 0, router, macA, "eno1")
	if err := os.Remove(g.path); err != nil {
		t.Fatal(err)
	}
	g.Learn("vmbr0", 0, router, macA, "eno1")
	if _, err := os.Stat(g.path); !os.IsNotExist(err) {
		t.Errorf("no news, but written: %v", err)
	}
	g.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	g.Learn("vmbr0", 0, router, macA, "eno1")
	if _, err := os.Stat(g.path); err != nil {
		t.Errorf("it was heard a day later, and that is not remembered: %v", err)
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
		g.Learn("vmbr0", 0, router, macA, "")
		if mac, _ := h.Gateways().MAC("vmbr0", 0, router); mac != macA {
			t.Errorf("%q: not learnt afterwards", text)
		}
	}
	// What an older version wrote is known.
	write(t, h.Gateways().path, `[{"bridge":"vmbr0","addr":"10.0.0.1","mac":"02:00:00:00:00:01"}]`)
	if mac, due := h.Gateways().MAC("vmbr0", 0, router); mac != macA || !due {
		t.Errorf("of an older version: %s, due %t", mac, due)
	}
	// A place that cannot be written is no error; it is known for this run.
	blocked, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(blocked.root, "var/lib/pve-iplease"), "a file")
	g := blocked.Gateways()
	g.Learn("vmbr0", 0, router, macA, "")
	if mac, _ := g.MAC("vmbr0", 0, router); mac != macA {
		t.Errorf("not even for this run: %v", mac)
	}
}

func FuzzParseGateways(f *testing.F) {
	f.Add([]byte(`[{"bridge":"vmbr0","tag":20,"addr":"10.0.0.1","mac":"02:00:00:00:00:01","port":"eno1","silent":"2026-03-01T12:00:00Z","boot":"a"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for k, g := range (&Gateways{now: time.Now}).parse(data) {
			if !k.addr.IsValid() || g.MAC.IsZero() {
				t.Errorf("%q: %+v %v", data, k, g)
			}
		}
	})
}
