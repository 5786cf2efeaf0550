package cli_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
)

// TestEvidenceScript runs the scripts of the commands that gather evidence.
// Beside those of TestScript they may use:
//
//	plug PORT MAC [CIDR]    plug a guest into the node's vmbr0, by its port's name
//	serve                   run a real dnsmasq on the LAN, with etc/dnsmasq.conf
//	says TEXT               stdout has the words, however it is wrapped
//	ask PORT NAME           let the guest ask for an address by DHCP, and use it
func TestEvidenceScript(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	p := params("testdata/evidence")
	for name, f := range map[string]func(*station, bool, []string){"plug": (*station).plug, "serve": (*station).serve, "ask": (*station).ask, "says": (*station).says} {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(stationKey{}).(*station)
			s.script = ts.Value(stateKey{}).(*script)
			s.TestScript = ts
			f(s, neg, args)
		}
	}
	p.Condition = lacks
	p.Setup = func(env *testscript.Env) error {
		env.Values[stationKey{}] = &station{guests: map[string]*lab.Host{}}
		return setup(env)
	}
	testscript.Run(t, p)
}

type stationKey struct{}

// station is a script with guests that are plugged in.
type station struct {
	*script
	guests map[string]*lab.Host
}

func (s *station) plug(_ bool, args []string) {
	mac, err := lease.ParseMAC(args[1])
	s.Check(err)
	h, err := s.node.Plug("vmbr0", args[0], mac)
	s.Check(err)
	s.Defer(func() { _ = h.Close() })
	s.guests[args[0]] = h
	if len(args) > 2 {
		s.Check(h.Configure(netip.MustParsePrefix(args[2]), netip.Addr{}))
	}
}

// serve starts dnsmasq in a namespace of its own. Only what a test must have
// is added to the configuration.
func (s *station) serve(bool, []string) {
	program := s.needs("dnsmasq")
	server, err := s.lan.Host(lab.RandomMAC(), netip.MustParsePrefix("10.0.0.2/24"))
	s.Check(err)
	s.Defer(func() { _ = server.Close() })
	s.Check(os.MkdirAll(s.MkAbs("var/lib/misc"), 0o755))
	cmd := exec.Command(program, "--keep-in-foreground", "--log-facility=-", "--pid-file=", "--port=0", "--user=root", "--interface=eth0",
		"--bind-interfaces", "--no-ping", "--conf-file="+s.MkAbs("etc/dnsmasq.conf"), "--dhcp-leasefile="+s.MkAbs("var/lib/misc/dnsmasq.leases"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	s.Check(server.Start(cmd))
	s.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// ask runs a real DHCP client, which writes down what it got.
func (s *station) ask(_ bool, args []string) {
	h := s.guests[args[0]]
	got := filepath.Join(s.MkAbs("."), "got-"+args[0])
	script := got + ".sh"
	s.Check(os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n[ \"$1\" != bound ] || echo $ip/$mask > %s\n", got), 0o755))
	cmd := exec.Command(s.needs("udhcpc"), "-f", "-q", "-i", "eth0", "-s", script, "-x", "hostname:"+args[1], "-t", "20", "-T", "1", "-n")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := h.Run(cmd); err != nil {
		s.Fatalf("%v:\n%s", err, said.String())
	}
	addr, err := netip.ParsePrefix(strings.TrimSpace(s.ReadFile(got)))
	s.Check(err)
	s.Check(h.Configure(addr, netip.Addr{}))
}

func (s *station) says(neg bool, args []string) {
	got := strings.Join(strings.Fields(s.ReadFile("stdout")), " ")
	if strings.Contains(got, args[0]) == neg {
		s.Fatalf("stdout does not say %q, or should not", args[0])
	}
}

// needs finds a program.
func (s *station) needs(program string) string {
	path, err := exec.LookPath(program)
	s.Check(err)
	return path
}

// lacks is the condition under which a script is skipped: [lacks:PROGRAM].
// CI=true promises all programs.
func lacks(condition string) (bool, error) {
	program, ok := strings.CutPrefix(condition, "lacks:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	_, err := exec.LookPath(program)
	return err != nil && os.Getenv("CI") != "true", nil
}
