package cli_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pveproxy"
)

// TestAPIScript runs the scripts of the commands that ask Proxmox's API.
// Beside those of TestScript they may use:
//
//	pveproxy [SAYING...]    start Proxmox's API daemon on the node; it says that
//	    dead=NODE:STATUS    a node can't be reached
//	    lacks=NODE          a node has no hookscript
//	    live=PATH=FILE      a guest reports what is in a file
//	    silent=NODE         a node's pvestatd is down: the cluster doesn't know who runs there
//	    token=TOKEN=PRIVILEGE,...
//	    edits=VMID          somebody edits a config before the daemon writes it
//	asked                   stdout becomes what the daemon was asked
func TestAPIScript(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	p := params("testdata/api")
	p.Cmds["pveproxy"] = startDaemon
	p.Cmds["asked"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		s := ts.Value(stateKey{}).(*script)
		_, err := ts.Stdout().Write([]byte(strings.Join(s.daemon.Log(), "\n") + "\n"))
		ts.Check(err)
	}
	testscript.Run(t, p)
}

func startDaemon(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(stateKey{}).(*script)
	d := &pveproxy.Server{
		Root: ts.MkAbs("."), Node: "pve1", Pause: func(time.Duration) {},
		Dead: map[string]int{}, Live: map[string]string{}, Tokens: map[string][]string{}, NoStatus: map[string]bool{},
	}
	lacking := map[string]bool{}
	for _, a := range args {
		word, rest, _ := strings.Cut(a, "=")
		i := strings.LastIndexAny(rest, ":=")
		switch word {
		case "dead":
			status, err := strconv.Atoi(rest[i+1:])
			ts.Check(err)
			d.Dead[rest[:i]] = status
		case "lacks":
			lacking[rest] = true
		case "live":
			d.Live[rest[:i]] = strings.TrimSpace(ts.ReadFile(rest[i+1:]))
		case "silent":
			d.NoStatus[rest] = true
		case "edits":
			d.Before = func(file string) {
				if strings.HasSuffix(file, "/"+rest+".conf") {
					ts.Check(os.WriteFile(file, []byte("hostname: edited\n"), 0o640))
				}
			}
		case "token":
			d.Tokens[rest[:i]] = strings.Split(rest[i+1:], ",")
		default:
			ts.Fatalf("pveproxy: %s?", a)
		}
	}
	d.Script = func(node string) bool { return !lacking[node] }
	ts.Check(pveproxy.Keys(d.Root))
	// Trusted files belong to this user alone; Keys leaves the daemon's so.
	ts.Check(os.Chmod(ts.MkAbs("etc/pve/priv"), 0o700))
	ts.Check(s.node.Do(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:8006")
		if err != nil {
			return err
		}
		ts.Defer(func() { _ = l.Close() })
		return d.Serve(l)
	}))
	s.daemon = d
}
