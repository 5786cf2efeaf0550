package web_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab/pveproxy"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
)

func TestConfigIsReadAndWritten(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	a := c.asRoot()
	got, err := a.GetConfig(t.Context(), "pve1", pve.Container, 101)
	if err != nil {
		t.Fatal(err)
	}
	want := pveapi.Config{
		Digest: pveapi.Digest([]byte(container)),
		Values: map[string]string{"arch": "amd64", "cpulimit": "0.5", "hookscript": "local:snippets/other", "hostname": "web", "memory": "512", "net0": "name=eth0,bridge=vmbr0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	set := map[string]string{"hookscript": "local:snippets/pve-iplease"}
	if err := a.SetConfig(t.Context(), "pve1", pve.Container, 101, set, got.Digest); err != nil {
		t.Fatal(err)
	}
	now := c.read("etc/pve/nodes/pve1/lxc/101.conf")
	if !strings.Contains(now, "hookscript: local:snippets/pve-iplease\n") || strings.Contains(now, "other") {
		t.Errorf("config:\n%s", now)
	}
	if len(set) != 1 {
		t.Errorf("the caller's map was changed: %v", set)
	}
	err = a.SetConfig(t.Context(), "pve1", pve.Container, 101, map[string]string{"delete": "hookscript"}, got.Digest)
	if !errors.Is(err, pveapi.ErrChanged) {
		t.Errorf("an old digest: %v", err)
	}
	if err := a.SetConfig(t.Context(), "pve1", pve.Container, 101, map[string]string{"delete": "hookscript"}, pveapi.Digest([]byte(now))); err != nil {
		t.Fatal(err)
	}
	if now := c.read("etc/pve/nodes/pve1/lxc/101.conf"); strings.Contains(now, "hookscript") {
		t.Errorf("config:\n%s", now)
	}
	if c.paused != 0 || len(c.notes) != 0 {
		t.Errorf("a login was refused: paused %s, notes %q", c.paused, c.notes)
	}
}

func TestGuestsAndNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(s *pveproxy.Server) {
		s.Dead = map[string]int{"pve2": 595}
		s.Live = map[string]string{"/nodes/pve1/lxc/101/interfaces": "[]"}
	})
	a := c.asRoot()
	nodes, err := a.Nodes(t.Context())
	if diff := cmp.Diff([]pveapi.Node{{Name: "pve1", Status: "online"}, {Name: "pve2", Status: "offline"}}, nodes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if nodes[0].Dead() || !nodes[1].Dead() {
		t.Error("the wrong node counts as dead")
	}
	guests, err := a.Guests(t.Context())
	want := []pveapi.Guest{
		{VMID: 101, Kind: pve.Container, Node: "pve1", Status: "running"},
		{VMID: 200, Kind: pve.VM, Node: "pve1", Status: "stopped"},
		{VMID: 102, Kind: pve.Container, Node: "pve2", Status: "unknown"},
	}
	if diff := cmp.Diff(want, guests); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// go-proxmox's own type keeps one address a family; that list is not its.
func TestInterfacesKeepEveryAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(s *pveproxy.Server) {
		s.Live = map[string]string{
			"/nodes/pve1/lxc/101/interfaces": `[{"name":"lo","hardware-address":"00:00:00:00:00:00","ip-addresses":[{"ip-address":"127.0.0.1","prefix":8}]},
				{"name":"eth0","hardware-address":"bc:24:11:00:01:01","inet":"10.0.0.9/24","ip-addresses":[
					{"ip-address":"10.0.0.5","prefix":"24","ip-address-type":"inet"},{"ip-address":"10.0.0.9","prefix":24,"ip-address-type":"inet"},
					{"ip-address":"fe80::1","prefix":64},{"ip-address":"nonsense","prefix":24},{"ip-address":"10.0.0.8","prefix":99}]}]`,
			"/nodes/pve2/lxc/102/interfaces":                    `[{"name":"eth0","hwaddr":"bc:24:11:00:01:02","inet":"10.0.0.6/24","inet6":"fe80::2/64"}]`,
			"/nodes/pve1/qemu/200/agent/network-get-interfaces": `{"result":[{"name":"ens18","hardware-address":"bc:24:11:00:02:00","ip-addresses":[{"ip-address-type":"ipv4","ip-address":"10.0.0.7","prefix":24}]},{"name":"wg0"}]}`,
		}
	})
	a := c.asRoot()
	p := netip.MustParsePrefix
	got, err := a.Interfaces(t.Context(), "pve1", 101)
	want := []pveapi.Interface{
		{Name: "lo", Addrs: []netip.Prefix{p("127.0.0.1/8")}},
		{Name: "eth0", MAC: pve.MAC{0xbc, 0x24, 0x11, 0, 1, 1}, Addrs: []netip.Prefix{p("10.0.0.5/24"), p("10.0.0.9/24"), p("fe80::1/64")}},
	}
	if diff := cmp.Diff(want, got, netipEqual); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = a.Interfaces(t.Context(), "pve2", 102)
	want = []pveapi.Interface{{Name: "eth0", MAC: pve.MAC{0xbc, 0x24, 0x11, 0, 1, 2}, Addrs: []netip.Prefix{p("10.0.0.6/24"), p("fe80::2/64")}}}
	if diff := cmp.Diff(want, got, netipEqual); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = a.AgentInterfaces(t.Context(), "pve1", 200)
	want = []pveapi.Interface{{Name: "ens18", MAC: pve.MAC{0xbc, 0x24, 0x11, 0, 2, 0}, Addrs: []netip.Prefix{p("10.0.0.7/24")}}, {Name: "wg0"}}
	if diff := cmp.Diff(want, got, netipEqual); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

var netipEqual = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// Before go-proxmox 0.9.0 a refusal with the statuses 404, 595, 596 and 599 was
// no error when the caller expected no content, and of others the reason was
// lost.
func TestEveryRefusalIsAnError(t *testing.T) {
	t.Parallel()
	for status, text := range map[int]string{
		595: "node pve2 can't be reached (595 No route to host); see 'pvecm status'",
		596: "node pve2 can't be reached (596 Connection timed out); see 'pvecm status'",
		599: "node pve2 can't be reached (599 Too many redirections); see 'pvecm status'",
	} {
		c := newCluster(t, func(s *pveproxy.Server) { s.Dead = map[string]int{"pve2": status} })
		err := c.asRoot().SetConfig(t.Context(), "pve2", pve.Container, 102, map[string]string{"hookscript": "x"}, "")
		if !errors.Is(err, pveapi.ErrNodeDead) || err.Error() != text {
			t.Errorf("%d: %v", status, err)
		}
		if _, err := c.asRoot().Interfaces(t.Context(), "pve2", 102); !errors.Is(err, pveapi.ErrNodeDead) {
			t.Errorf("%d: reading: %v", status, err)
		}
	}
}

// What is no success is none for whoever expects no content either: a path that
// is unknown, or somebody else's answer.
func TestNoOtherStatusIsSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{302, 404, 501} {
		c := newCluster(t, func(s *pveproxy.Server) { s.Dead = map[string]int{"pve2": status} })
		err := c.asRoot().Put(t.Context(), "/nodes/pve2/lxc/102/config", nil)
		if want := fmt.Sprintf("Proxmox refuses to change /nodes/pve2/lxc/102/config: %d", status); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(s *pveproxy.Server) {
		s.Tokens = map[string][]string{secret: {"Sys.Audit"}}
		s.Live = map[string]string{"/nodes/pve1/qemu/200/agent/network-get-interfaces": "QEMU guest agent is not running"}
	})
	root, token := c.asRoot(), c.asToken()
	tests := map[string]struct {
		err  error
		is   error
		text string
	}{
		"no guest": {
			err: second(root.GetConfig(t.Context(), "pve1", pve.Container, 999)), is: pveapi.ErrNoGuest,
			text: "Proxmox refuses to read /nodes/pve1/lxc/999/config: 500 Configuration file 'nodes/pve1/lxc/999.conf' does not exist",
		},
		"unknown property": {
			err:  root.SetConfig(t.Context(), "pve1", pve.Container, 101, map[string]string{"hokscript": "x"}, ""),
			text: "Proxmox refuses to change /nodes/pve1/lxc/101/config: 400 Parameter verification failed.; hokscript: property is not defined in schema and the schema does not allow additional properties",
		},
		"no agent": {
			err: second(root.AgentInterfaces(t.Context(), "pve1", 200)), is: pveapi.ErrNoAgent,
			text: "Proxmox refuses to read /nodes/pve1/qemu/200/agent/network-get-interfaces: 500 QEMU guest agent is not running",
		},
		"a stopped VM": {
			err: second(root.AgentInterfaces(t.Context(), "pve1", 201)), is: pveapi.ErrNotRunning,
			text: "Proxmox refuses to read /nodes/pve1/qemu/201/agent/network-get-interfaces: 500 VM 201 is not running",
		},
		"a token without the right": {
			err: second(token.Interfaces(t.Context(), "pve1", 101)), is: pveapi.ErrDenied,
			text: "audit@pve!iplease lacks the privilege VM.Audit on /vms/101; 'pveum acl modify / --tokens audit@pve!iplease --roles PVEAuditor' grants it (to its user as well, where the token has privilege separation)",
		},
		"a token for the agent": {
			err: second(token.AgentInterfaces(t.Context(), "pve1", 200)), is: pveapi.ErrDenied,
			text: "audit@pve!iplease lacks the privilege VM.GuestAgent.Audit or VM.GuestAgent.Unrestricted on /vms/200; 'pveum acl modify / --tokens audit@pve!iplease --roles PVEAuditor' grants it (to its user as well, where the token has privilege separation)",
		},
		"a token that would set a hookscript": {
			err: token.SetConfig(t.Context(), "pve1", pve.Container, 101, map[string]string{"hookscript": "x"}, ""), is: pveapi.ErrDenied,
			text: "audit@pve!iplease may not change /nodes/pve1/lxc/101/config: 403 Permission check failed (changing the hookscript is only allowed for root@pam); run the command as root on a node",
		},
	}
	for name, tt := range tests {
		if tt.err == nil || tt.err.Error() != tt.text {
			t.Errorf("%s: %v", name, tt.err)
		}
		for _, kind := range []error{pveapi.ErrNodeDead, pveapi.ErrChanged, pveapi.ErrDenied, pveapi.ErrLogin, pveapi.ErrNoGuest, pveapi.ErrNoAgent, pveapi.ErrNotRunning} {
			if errors.Is(tt.err, kind) != (kind == tt.is) {
				t.Errorf("%s: is %q: %t", name, kind, errors.Is(tt.err, kind))
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestLoginsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	old := c.options()
	old.Now = time.Now().Add(-3 * time.Hour)
	a, err := c.open(pveapi.ForWriting, old)
	if err != nil {
		t.Fatal(err)
	}
	err = a.SetConfig(t.Context(), "pve1", pve.Container, 101, map[string]string{"hookscript": "x"}, "")
	const text = "Proxmox doesn't accept root@pam (401 permission denied - invalid PVE ticket); a ticket lasts two hours and depends on the clock: compare 'date' on the nodes"
	if !errors.Is(err, pveapi.ErrLogin) || err.Error() != text {
		t.Errorf("an expired ticket: %v", err)
	}
	_, err = c.asToken().Nodes(t.Context())
	const other = "Proxmox doesn't accept audit@pve!iplease (401 invalid token value!); 'pveum user token list audit@pve' shows its tokens and when they expire"
	if !errors.Is(err, pveapi.ErrLogin) || err.Error() != other {
		t.Errorf("an unknown token: %v", err)
	}
	// The library would ask twice, were the refusal left to it.
	if c.paused != 6*time.Second {
		t.Errorf("Proxmox paused for %s, 3 s for each of two logins", c.paused)
	}
}
