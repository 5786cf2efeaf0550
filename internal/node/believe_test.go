package node

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pve-iplease/internal/lab"
)

// nobody starts a child in a namespace as an ordinary user, who may reach the
// program.
func nobody(t *testing.T, ns *lab.Namespace) func(*exec.Cmd) error {
	t.Helper()
	lab.RequireOwners(t)
	return func(cmd *exec.Cmd) error {
		for dir := filepath.Dir(cmd.Path); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return ns.Start(cmd)
	}
}

// TestRunStateBelievesRoot: what anybody may bind or call himself says nothing
// of a container.
func TestRunStateBelievesRoot(t *testing.T) {
	t.Parallel()
	const name = "@/var/lib/lxc/101/command"
	bind := func(name string) func(*testing.T, *lab.Namespace) {
		return func(t *testing.T, ns *lab.Namespace) {
			if err := ns.Do(func() error {
				l, err := net.Listen("unix", name)
				if err == nil {
					t.Cleanup(func() { _ = l.Close() })
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	as := func(part, want string, argv ...string) func(*testing.T, *lab.Namespace) {
		return func(t *testing.T, ns *lab.Namespace) {
			if said := play(t, part, nobody(t, ns), argv...).says(); said != want {
				t.Fatalf("the stranger says %q", said)
			}
		}
	}
	for what, c := range map[string]struct {
		play func(*testing.T, *lab.Namespace)
		want State
	}{
		"root's socket":                     {bind(name), Running},
		"a name that contains it":           {bind("@x " + name), Stopped},
		"a name that is a line of the list": {bind("@x\n0000000000000000: 00000002 00000000 00010000 0001 01 4911 " + name + "\ny"), Stopped},
		"an ordinary user's socket":         {as("start", "running", "listener", "-F", "-n", "101", "socket"), Stopped},
		"one that lets nobody in":           {as("crowd", "crowded", "listener", name), Stopped},
		"an ordinary user's lxc-start":      {as("start", "stopping", "/usr/bin/lxc-start", "-F", "-n", "101"), Stopped},
		"root's, of other containers": {func(t *testing.T, ns *lab.Namespace) {
			play(t, "start", ns.Start, "lxc-start", "-F", "-n", "101", "-P/srv").says()
		}, Stopped},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ns := netns(t)
			c.play(t, ns)
			if got := stateIn(t, ns, 101); got != c.want {
				t.Errorf("the container is %v, not %v", got, c.want)
			}
		})
	}
}
