package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// site is a node on a LAN with a router, and a hook that is a shell script.
type site struct {
	lab.Fixture
	t    *testing.T
	p    *lab.Proxmox
	lan  *lab.LAN
	tree *lab.Tree
	log  string // what the hook saw
}

// newSite installs a hook that notes what it sees and then does the script's
// work; there $vmid and $phase are what Proxmox gave it, $conf is the guest's
// config.
func newSite(t *testing.T, script string) *site {
	t.Helper()
	t.Parallel()
	s := &site{Fixture: lab.New(t), t: t}
	s.lan = s.LAN()
	s.Host(s.lan, "10.0.0.1/24")
	s.tree = s.Tree("pve1", "pve2")
	s.log = filepath.Join(t.TempDir(), "hook.log")
	program := filepath.Join(t.TempDir(), "hook.sh")
	text := fmt.Sprintf(`#!/bin/sh
root=$2 vmid=$3 phase=$4 conf=$2/etc/pve/lxc/$3.conf lock=$2/run/lock/lxc/pve-config-$3.lock
note() { echo "$vmid $phase $*" >> %q; }
note begins
%s
`, s.log, script)
	s.Must(os.WriteFile(program, []byte(text), 0o755))
	s.Must(s.tree.InstallHook("hook", program))
	s.p = s.node("pve1")
	return s
}

func (s *site) node(name string) *lab.Proxmox {
	s.t.Helper()
	n, _ := s.Node(name, s.lan)
	return s.Proxmox(s.tree, n)
}

// ct is a container with the hook and this ip=; with an address it has the
// gateway too.
func (s *site) ct(id pve.VMID, ip string) {
	s.t.Helper()
	c := lab.CT{Hostname: "ct" + id.String(), Hook: "hook", IP: ip}
	s.CT(s.p, id, c)
}

// seen is what the hook noted of a container, a line a note.
func (s *site) seen(id pve.VMID) []string {
	s.t.Helper()
	data, err := os.ReadFile(s.log)
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	lines := []string{}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), id.String()+" "); ok {
			lines = append(lines, rest)
		}
	}
	return lines
}

// phases are the hooks that ran, in order.
func (s *site) phases(id pve.VMID) string {
	s.t.Helper()
	var list []string
	for _, line := range s.seen(id) {
		if phase, ok := strings.CutSuffix(line, " begins"); ok {
			list = append(list, phase)
		}
	}
	return strings.Join(list, " ")
}

// address is what the booted guest has.
func (s *site) address(p *lab.Proxmox, id pve.VMID) string {
	s.t.Helper()
	g, err := p.Guest(id)
	s.Must(err)
	a, err := g.Address()
	s.Must(err)
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func (s *site) config(node string, id pve.VMID) *lab.GuestConfig {
	s.t.Helper()
	c, err := s.tree.Config(node, id)
	s.Must(err)
	return c
}

// equal compares two strings.
func (s *site) equal(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}
