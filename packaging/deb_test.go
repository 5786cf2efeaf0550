//go:build deb

// Package packaging_test lives through what happens to the Debian package on
// real Debian systems. 'make test-deb' runs it.
package packaging_test

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"pve-iplease/internal/lab"
)

var (
	chroots = flag.String("chroots", "", "`DIR` that packaging/chroots has made")
	debs    = flag.String("debs", "", "`DIR` with old.deb and new.deb")
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// TestPackage runs every script on each release. A script begins on a system
// where the package has never been; $HOST is its root, and beside testscript's
// own commands there are:
//
//	host CMD...         run a command on it
//	proxmox             make it a Proxmox node, pve1: mount an /etc/pve, with
//	                    container 101, on vmbr0 without uplink, with our hook
//	unmount             take /etc/pve away, as if pve-cluster was stopped
//	quorum lost|back    let pve1 lose its quorum
//	start VMID          call the container's hookscript as Proxmox does
//	disk MIB            let no more be written to it than this
//	newer FILE          make a ledger one of a format to come
//	killed FILE.deb     install it again and again, killing dpkg a step later
//	                    each time, and repair what is left
//	tidy                nothing of the package is left but what Debian keeps
//	docker [ADDRESS]    lay a macvlan network on vmbr0, with a host that has it
//	boot                let systemd start the system
//	booted CMD...       run a command on it after that
//
// Old and new are /old.deb and /new.deb, the same tree with two versions. The
// conditions [bookworm] and [trixie] name the release.
func TestPackage(t *testing.T) {
	lab.Require(t)
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, params(suite, "testdata"))
		})
	}
}

// TestUnits runs the scripts whose systems have systemd, and run.
func TestUnits(t *testing.T) {
	lab.Require(t)
	for _, suite := range []string{"bookworm-systemd", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, params(suite, "testdata/booted"))
		})
	}
}

func params(suite, scripts string) testscript.Params {
	p := testscript.Params{
		Dir:       scripts,
		Setup:     func(env *testscript.Env) error { return newSystem(env, suite) },
		Condition: func(name string) (bool, error) { return name == suite, nil },
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){},
	}
	for name, f := range map[string]func(*system, bool, []string){
		"host": (*system).host, "proxmox": (*system).proxmox, "unmount": (*system).unmount, "quorum": (*system).quorum,
		"start": (*system).start, "disk": (*system).disk, "newer": (*system).newer, "killed": (*system).killed, "tidy": (*system).tidy,
		"docker": (*system).docker, "boot": (*system).boot, "booted": (*system).booted,
	} {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(systemKey{}).(*system)
			s.TestScript = ts
			f(s, neg, args)
		}
	}
	return p
}
