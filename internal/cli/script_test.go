package cli_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pveproxy"
	"pve-iplease/internal/pve"
)

// A script shows one command or one behaviour. Its files are the tree of node
// pve1, which --root . makes the program look at. Beside testscript's own
// commands it may use:
//
//	pve-iplease ARG...      run the program, on the node once there is one
//	exits N                 the program's last exit code
//	lan                     make a LAN, and the node with its vmbr0 on it
//	stranger ADDRESS MAC    put a host on the LAN that uses an address
//	running VMID            make Proxmox and the program think that a container runs
//	gone FILE               the process whose number is in a file ends soon
//	copied DIR              from now on the program is a copy of its file, in there
//	timeless stdout FILE    compare, with TIME in place of every point in time
//
// $SELF is the program's file, under another name.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script"))
}

// TestScriptOnLAN runs the scripts that put packets on a wire.
func TestScriptOnLAN(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	testscript.Run(t, params("testdata/script/lan"))
}

func params(dir string) testscript.Params {
	commands := map[string]func(*script, bool, []string){
		program: (*script).program, "exits": (*script).exits, "lan": (*script).makeLAN,
		"stranger": (*script).stranger, "running": (*script).running, "timeless": (*script).timeless,
		"gone": (*script).gone, "copied": (*script).copied,
	}
	p := testscript.Params{Dir: dir, Setup: setup, Cmds: map[string]func(*testscript.TestScript, bool, []string){}}
	for name, f := range commands {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(stateKey{}).(*script)
			s.TestScript = ts
			f(s, neg, args)
		}
	}
	return p
}

// script is one script and what its commands have made so far.
type script struct {
	*testscript.TestScript
	lan  *lab.LAN
	node *lab.Node
	code int
	self string // the program's file

	daemon *pveproxy.Server // of TestAPIScript
}

type stateKey struct{}

// setup makes the script's tree that of node pve1.
func setup(env *testscript.Env) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env.Values[stateKey{}] = &script{self: self}
	env.Setenv("SELF", self)
	pve := filepath.Join(env.WorkDir, "etc/pve")
	if err := os.MkdirAll(filepath.Join(pve, "nodes/pve1/lxc"), 0o755); err != nil {
		return err
	}
	return os.Symlink("nodes/pve1", filepath.Join(pve, "local"))
}

func (s *script) program(neg bool, args []string) {
	cmd := exec.Command(s.self, args...)
	cmd.Args[0] = program
	cmd.Dir = s.MkAbs(".")
	cmd.Stdout, cmd.Stderr = s.Stdout(), s.Stderr()
	run := cmd.Run
	if s.node != nil {
		run = func() error { return s.node.Run(cmd) }
	}
	var exit *exec.ExitError
	if err := run(); err != nil && !errors.As(err, &exit) {
		s.Fatalf("%v", err)
	}
	s.code = cmd.ProcessState.ExitCode()
	if neg != (s.code != 0) {
		s.Fatalf("the program exited with %d", s.code)
	}
}

func (s *script) exits(_ bool, args []string) {
	if len(args) != 1 || args[0] != strconv.Itoa(s.code) {
		s.Fatalf("the program exited with %d, not %q", s.code, args)
	}
}

func (s *script) makeLAN(bool, []string) {
	var err error
	s.lan, err = lab.NewLAN()
	s.Check(err)
	s.Defer(func() { _ = s.lan.Close() })
	s.node, err = lab.NewNode("pve1")
	s.Check(err)
	s.Defer(func() { _ = s.node.Close() })
	s.Check(s.node.AddBridge("vmbr0"))
	_, err = s.node.Uplink("vmbr0", "eno1", s.lan)
	s.Check(err)
}

func (s *script) stranger(_ bool, args []string) {
	addr, err := netip.ParseAddr(args[0])
	s.Check(err)
	mac, err := pve.ParseMAC(args[1])
	s.Check(err)
	_, err = s.lan.Stranger(lab.Script{MAC: mac, Addrs: []netip.Addr{addr}})
	s.Check(err)
}

// running opens the socket by which lxc-start is known to live.
func (s *script) running(_ bool, args []string) {
	s.Check(s.node.Do(func() error {
		l, err := net.Listen("unix", fmt.Sprintf("@/var/lib/lxc/%s/command", args[0]))
		if err == nil {
			s.Defer(func() { _ = l.Close() })
		}
		return err
	}))
}

func (s *script) gone(_ bool, args []string) {
	pid := strings.TrimSpace(s.ReadFile(args[0]))
	for range 3000 {
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if stat, _ := os.ReadFile("/proc/" + pid + "/stat"); strings.Contains(string(stat), ") Z ") {
			return // nobody here reaps orphans
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatalf("process %s lives on", pid)
}

func (s *script) copied(_ bool, args []string) {
	data, err := os.ReadFile(s.self)
	s.Check(err)
	s.self = filepath.Join(s.MkAbs(args[0]), program)
	s.Check(os.MkdirAll(filepath.Dir(s.self), 0o755))
	s.Check(os.WriteFile(s.self, data, 0o755))
}

func (s *script) timeless(_ bool, args []string) {
	point := regexp.MustCompile(`\d{4}-\d\d-\d\d[T\s]\s*\d\d:\d\d(:\d\d(Z|[+-]\d\d:\d\d)?)?`)
	got := point.ReplaceAllString(s.ReadFile(args[0]), "TIME")
	if diff := cmp.Diff(s.ReadFile(args[1]), got); diff != "" {
		s.Fatalf("%s is not %s (-want +got):\n%s", args[0], args[1], diff)
	}
}
