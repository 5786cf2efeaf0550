package cli_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// TestEvidenceScript runs the scripts of the commands that gather evidence.
// Beside those of TestScript they may use:
//
//	plug PORT MAC [CIDR]    plug a guest into the node's vmbr0, by its port's name
//	serve                   run a real dnsmasq on the LAN, with etc/dnsmasq.conf
//	says TEXT               stdout has the words, however it is wrapped
//	shown FILE COMMAND      the README shows the file as what the command says,
//	                        but for points in time and ages
//	ask PORT NAME           let the guest ask for an address by DHCP, and use it
func TestEvidenceScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, stationParams(t, "testdata/evidence"))
}

func stationParams(t *testing.T, dir string) testscript.Params {
	lab.Require(t)
	p := params(dir)
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(*station, bool, []string){"plug": (*station).plug, "serve": (*station).serve, "ask": (*station).ask, "says": (*station).says, "shown": (*station).shown} {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(stationKey{}).(*station)
			s.script = ts.Value(stateKey{}).(*script)
			s.TestScript = ts
			f(s, neg, args)
		}
	}
	p.Condition = lacks
	p.Setup = func(env *testscript.Env) error {
		env.Values[stationKey{}] = &station{home: home, guests: map[string]*lab.Host{}}
		return setup(env)
	}
	return p
}

type stationKey struct{}

// station is a script with guests that are plugged in.
type station struct {
	*script
	home   string // the package's directory
	guests map[string]*lab.Host
}

func (s *station) plug(_ bool, args []string) {
	mac, err := pve.ParseMAC(args[1])
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

// shown looks for a session of the README, in a block of code.
func (s *station) shown(_ bool, args []string) {
	readme, err := os.ReadFile(s.home + "/../../README.md")
	s.Check(err)
	_, text, found := strings.Cut(timeless(string(readme)), "\n    # "+args[1]+"\n")
	if !found {
		s.Fatalf("the README shows no %q", args[1])
	}
	var said strings.Builder
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(line, "    ")
		if ok = ok || line == "\n"; !ok || strings.HasPrefix(code, "# ") {
			break
		}
		said.WriteString(code)
	}
	want := timeless(s.ReadFile(args[0]))
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(said.String())); diff != "" {
		s.Fatalf("the README shows something else (-program +README):\n%s\nthe program says:\n%s", diff, s.ReadFile(args[0]))
	}
}

var (
	pointInTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`)
	ageOf       = regexp.MustCompile(`(?m)^((?:    )?  (?:wire|ledger|history|config|dhcp|kernel|bridge|pools|sdn) +)(?:now|\d+ s) +`)
)

// timeless takes out of a screen what another run would have another of.
func timeless(text string) string {
	return ageOf.ReplaceAllString(pointInTime.ReplaceAllString(text, "TIME"), "${1}AGE ")
}

// needs finds a program.
func (s *station) needs(program string) string {
	path, err := exec.LookPath(program)
	s.Check(err)
	return path
}

// lacks is the condition under which a script is skipped: [lacks:PROGRAM], or
// [lacks:/dev/DEVICE]. CI=true promises all of them.
func lacks(condition string) (bool, error) {
	program, ok := strings.CutPrefix(condition, "lacks:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	_, err := exec.LookPath(program)
	if strings.HasPrefix(program, "/dev/") {
		var dev *os.File
		dev, err = os.OpenFile(program, os.O_RDWR, 0)
		_ = dev.Close()
	}
	return err != nil && os.Getenv("CI") != "true", nil
}
