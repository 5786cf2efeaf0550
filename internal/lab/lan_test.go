package lab_test

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
)

var gateway = netip.MustParseAddr("10.0.0.1")

// patience bounds what is expected to work: a limit, not a measurement.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestHostsOfTwoNodesTalk(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	gw := f.Host(lan, "10.0.0.1/24")
	one, _ := f.Node("pve1", lan)
	two, _ := f.Node("pve2", lan)
	a := f.Guest(one, "vmbr0", 101, "10.0.0.201/24")
	b := f.Guest(two, "vmbr0", 101, "10.0.0.202/24")

	for _, c := range []struct {
		from *lab.Host
		to   string
		want *lab.Host
	}{
		{a, "10.0.0.1", gw},
		{b, "10.0.0.1", gw},
		{a, "10.0.0.202", b},
		{gw, "10.0.0.201", a},
	} {
		got, err := c.from.Resolve(patience(t), netip.MustParseAddr(c.to))
		f.Must(err)
		if got != c.want.MAC {
			t.Errorf("%s has MAC %s, want %s", c.to, got, c.want.MAC)
		}
	}
}

func TestReconfiguredGuestLosesItsOldAddress(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", nil)
	a := f.Guest(node, "vmbr0", 101, "10.0.0.201/24")
	b := f.Guest(node, "vmbr0", 102, "10.0.0.202/24")
	f.Must(a.Configure(netip.MustParsePrefix("10.0.0.203/24"), gateway))

	got, err := b.Resolve(patience(t), netip.MustParseAddr("10.0.0.203"))
	f.Must(err)
	if got != a.MAC {
		t.Errorf("the new address has MAC %s, want %s", got, a.MAC)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if mac, err := b.Resolve(short, netip.MustParseAddr("10.0.0.201")); err == nil {
		t.Errorf("the old address is still answered by %s", mac)
	}
}

func TestCable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cut, mend func(*lab.Cable) error }{
		"pulled":   {(*lab.Cable).Pull, (*lab.Cable).Push},
		"learning": {(*lab.Cable).Learn, (*lab.Cable).Forward},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			gw := f.Host(lan, "10.0.0.1/24")
			node, cable := f.Node("pve1", lan)
			guest := f.Guest(node, "vmbr0", 101, "10.0.0.201/24")

			f.Must(c.cut(cable))
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := guest.Resolve(short, gateway); err == nil {
				t.Error("the gateway answers through a cut cable")
			}
			f.Must(c.mend(cable))
			got, err := guest.Resolve(patience(t), gateway)
			f.Must(err)
			if got != gw.MAC {
				t.Errorf("gateway has MAC %s, want %s", got, gw.MAC)
			}
		})
	}
}

func TestNamespaceHoldsItsOwnDevices(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	var devices []string
	f.Must(node.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		for line := range strings.Lines(string(b)) {
			if name, _, ok := strings.Cut(line, ":"); ok {
				devices = append(devices, strings.TrimSpace(name))
			}
		}
		return err
	}))
	slices.Sort(devices)
	if diff := cmp.Diff([]string{"eno1", "lo", "vmbr0"}, slices.DeleteFunc(devices, tunnel)); diff != "" {
		t.Error(diff)
	}
}

// tunnel tells the fallback devices that some kernels put into every
// namespace.
func tunnel(name string) bool {
	return name != "lo" && name != "eno1" && name != "vmbr0" && strings.HasSuffix(name, "0")
}
