package lab_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// Proxmox's rewrite: keys sorted, duplicates and nonsense gone, comments on
// top of their section, lxc.* lines at its end.
func TestGuestConfigString(t *testing.T) {
	t.Parallel()
	const text = "net0: name=eth0,ip=dhcp,bridge=vmbr0\r\n# a: comment\n" +
		"lxc.apparmor.profile = unconfined\narch: amd64\nnonsense\n Arch: x\narch: i386  \n" +
		"[not a section]\nhostname: a\n\n[Before]\nnet0: name=eth0\n#old\n[PVE:pending]\nswap: 0\ndelete: cores\n[after]\nmemory: 1"
	const want = "# a: comment\narch: i386\nhostname: a\nnet0: name=eth0,ip=dhcp,bridge=vmbr0\nlxc.apparmor.profile: unconfined\n" +
		"\n[pve:pending]\ndelete: cores\nswap: 0\n\n[Before]\n#old\nnet0: name=eth0\n\n[after]\nmemory: 1\n"
	got := lab.ParseGuestConfig(text).String()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := lab.ParseGuestConfig(got).String(); again != got {
		t.Errorf("written again: %q", again)
	}
}

func TestNetString(t *testing.T) {
	t.Parallel()
	got := lab.ParseNet("type=veth,name=eth0,bridge=vmbr0,ip=10.0.0.2/24,gw=10.0.0.1").String()
	if want := "name=eth0,bridge=vmbr0,gw=10.0.0.1,ip=10.0.0.2/24,type=veth"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGuestText(t *testing.T) {
	t.Parallel()
	ct := lab.CT{
		Hostname: "web", Hook: "h", MAC: pve.MAC{0xbc, 0x24, 0x11, 0, 0, 1}, IP: "10.0.0.2/24",
		Gateway: netip.MustParseAddr("10.0.0.1"), Tail: "\n[pve:pending]\nswap: 0\n",
	}
	c := lab.ParseGuestConfig(ct.String())
	if c.String() != ct.String() {
		t.Errorf("not as Proxmox writes it:\n%s", cmp.Diff(ct.String(), c.String()))
	}
	want := "name=eth0,bridge=vmbr0,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.2/24,type=veth"
	if c.Value("net0") != want || c.Value("hookscript") != "local:snippets/h" {
		t.Errorf("net0 %s, hookscript %s", c.Value("net0"), c.Value("hookscript"))
	}
	vm := lab.VM{Name: "db", IP: "10.0.0.3/24", Gateway: netip.MustParseAddr("10.0.0.1")}.String()
	if got := lab.ParseGuestConfig(vm).Value("ipconfig0"); got != "ip=10.0.0.3/24,gw=10.0.0.1" {
		t.Errorf("ipconfig0 %s", got)
	}
}
