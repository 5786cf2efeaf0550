package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
)

// host is one node of a cluster under test.
type host struct {
	*pmxcfs.Node
	root string

	mu    sync.Mutex
	notes []string
}

// hosts makes a cluster, mounts it on every node, and shows it to the test.
func hosts(t testing.TB, names ...string) (*pmxcfs.Cluster, []*host) {
	t.Helper()
	lab.RequireFUSE(t)
	c := pmxcfs.New("prod", names...)
	var all []*host
	for _, n := range c.Nodes() {
		h := &host{Node: n, root: t.TempDir()}
		for _, dir := range []string{"etc/pve", "run"} {
			if err := os.MkdirAll(filepath.Join(h.root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Mount(h.path("etc/pve")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Unmount(); err != nil {
				t.Error(err)
			}
		})
		all = append(all, h)
	}
	return c, all
}

func (h *host) path(path string) string { return filepath.Join(h.root, path) }

func (h *host) slot(i int) string {
	return h.path(fmt.Sprintf("etc/pve/priv/pve-iplease/ledger.%d", i))
}

func (h *host) lockDir() string { return h.path("etc/pve/priv/lock/pve-iplease") }

func (h *host) options() Options {
	return Options{
		Dir: h.path("etc/pve/priv/pve-iplease"), PVE: h.path("etc/pve"), Run: h.path("run/pve-iplease"),
		Scratch: true, Cluster: "prod", Reserve: time.Second, Note: h.note,
	}
}

func (h *host) note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, text)
}

// ledger opens the host's ledger, in the form for pmxcfs.
func (h *host) ledger(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(h.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.store.(*slots); !ok {
		t.Fatalf("the store is a %T", l.store)
	}
	return l
}

// impatient is a context that leaves little more than the reserve.
func impatient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 1300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// overwrite writes over the beginning of a file, as the ledger does.
func overwrite(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(data), 0); err != nil {
		t.Fatal(err)
	}
}
