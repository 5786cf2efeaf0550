package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
)

// inCluster is a host of a cluster, with CT 101 and a file of pools.
func inCluster(t *testing.T) (*pmxcfs.Cluster, *Host) {
	t.Helper()
	lab.RequireFUSE(t)
	root := t.TempDir()
	c := pmxcfs.New("prod", "pve1")
	pve := filepath.Join(root, "etc/pve")
	for _, d := range []string{pve, filepath.Join(root, "run/lock/lxc")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Nodes()[0].Mount(pve); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Nodes()[0].Unmount() })
	write(t, filepath.Join(pve, "nodes/pve1/lxc/101.conf"), before)
	write(t, filepath.Join(pve, "pools.cfg"), before)
	h, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}

// writers are the ways in which a file below /etc/pve is replaced.
func writers(t *testing.T, h *Host) map[string]func() error {
	return map[string]func() error{
		"nodes/pve1/lxc/101.conf": func() error {
			return h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after))
		},
		"pools.cfg": func() error {
			return h.ReplaceFile(t.Context(), h.Path("/etc/pve/pools.cfg"), []byte(before), []byte(after))
		},
	}
}

// An error of unknown outcome is no outcome: what became of the rename is found
// out, and what was not done is done.
func TestRenameOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.EBUSY, syscall.EPERM, syscall.EIO, syscall.EINTR} { // os.Rename repeats the last
		for what, fault := range map[string]pmxcfs.Fault{"not done": {}, "done": {Applied: true}, "done late": {Late: true}} {
			fault.Errno = errno
			for _, file := range []string{"nodes/pve1/lxc/101.conf", "pools.cfg"} {
				t.Run(fmt.Sprintf("%v, %s, %s", errno, what, filepath.Base(file)), func(t *testing.T) {
					t.Parallel()
					c, h := inCluster(t)
					var failed atomic.Bool
					c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
						if o.Call != "rename" || o.To != file || failed.Swap(true) {
							return pmxcfs.Fault{}
						}
						return fault
					})
					err := writers(t, h)[file]()
					path := h.Path("/etc/pve/" + file)
					if err != nil || !failed.Load() || read(t, path) != after {
						t.Errorf("%v; the file has %q", err, read(t, path))
					}
					for _, name := range files(t, filepath.Dir(path)) {
						if strings.HasPrefix(name, "."+filepath.Base(path)) {
							t.Errorf("%s is left", name)
						}
					}
				})
			}
		}
	}
}

// What stays undone is said to be, and what can't be found out isn't called
// either.
func TestRenameThatNeverIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		calls []string
		says  string
	}{
		"refused for good": {[]string{"rename"}, "stays as it was"},
		"nothing goes":     {[]string{"rename", "utime"}, "it is not known whether it was changed"},
	} {
		for _, file := range []string{"nodes/pve1/lxc/101.conf", "pools.cfg"} {
			t.Run(name+", "+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				cluster, h := inCluster(t)
				cluster.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
					if strings.Contains(strings.Join(c.calls, " "), o.Call) {
						return pmxcfs.Fault{Errno: syscall.EBUSY}
					}
					return pmxcfs.Fault{}
				})
				err := writers(t, h)[file]()
				if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("err = %v", err)
				}
				if diff := cmp.Diff(before, read(t, h.Path("/etc/pve/"+file))); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
