package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	h, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	n := h.Proved()
	if _, err := n.Get("1a2b3c4d"); !errors.Is(err, fs.ErrNotExist) || len(n.Names()) > 0 || n.Put("1a2b3c4d", "") != nil {
		t.Error("there is a note before one was left")
	}
	for _, text := range []string{"one", "two, which is longer"} {
		if err := n.Put("1a2b3c4d", text); err != nil {
			t.Fatal(err)
		}
		if got, err := n.Get("1a2b3c4d"); err != nil || got != text {
			t.Errorf("%q %v, want %q", got, err, text)
		}
	}
	if _, err := h.Heard().Get("1a2b3c4d"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is in another directory too")
	}
	dir := filepath.Join(root, "var/lib/pve-iplease/proved")
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Mkdir(filepath.Join(dir, "unreadable"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Get("unreadable"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what can't be read: %v", err)
	}
	if err := n.Put("unreadable", ""); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(filepath.Join(dir, "1a2b3c4d"))
	if err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", file.Mode(), err)
	}
	if got := n.Names(); !slices.Equal(got, []string{"1a2b3c4d"}) {
		t.Errorf("%q", got)
	}
	if err := n.Put("1a2b3c4d", ""); err != nil || len(n.Names()) > 0 {
		t.Errorf("%v, %q", err, n.Names())
	}
}

// A name comes from the ledger, which other nodes write.
func TestNotesOutsideOfTheirDirectory(t *testing.T) {
	t.Parallel()
	h, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../gateways.json", "a/b", ".hidden", "a\x00b"} {
		if err := h.Heard().Put(name, "x"); err == nil {
			t.Errorf("%q was written", name)
		}
		if _, err := h.Heard().Get(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q was read", name)
		}
	}
}
