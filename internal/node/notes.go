package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pve-iplease/internal/fastio"
)

// Notes is a directory of short texts that runs of this program leave for later
// ones on this node. Only root can read or write it.
type Notes struct{ dir string }

// Proved holds a note for each contested claim that this node has proved, under
// the claim's id. A reboot changes nothing about what was proved.
func (h *Host) Proved() Notes { return Notes{h.Path("/var/lib/pve-iplease/proved")} }

// Heard holds a note for each address that a guest's last proof heard a voice
// for.
func (h *Host) Heard() Notes { return Notes{h.Path("/var/lib/pve-iplease/heard")} }

// Unbound holds a note for each start on this boot whose lease is still to be
// bound.
func (h *Host) Unbound() Notes { return Notes{h.Path("/run/pve-iplease/unbound")} }

// Get is the note of a name; an error other than fs.ErrNotExist means that there
// may be one.
func (n Notes) Get(name string) (text string, err error) {
	if !proper(name) {
		return "", fs.ErrNotExist
	}
	data, err := fastio.ReadFile(filepath.Join(n.dir, name))
	return string(data), err
}

// Put leaves a note in place of one that is there; an empty one leaves none. It
// isn't synced: whoever finds none after a crash asks again.
func (n Notes) Put(name, text string) error {
	if !proper(name) {
		return &fs.PathError{Op: "note", Path: name, Err: fs.ErrInvalid}
	}
	path := filepath.Join(n.dir, name)
	if text == "" {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(n.dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(n.dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// Names lists the notes; none when the directory can't be read.
func (n Notes) Names() []string {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// proper reports whether a name is that of a file in the directory itself.
func proper(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsAny(name, "/\x00")
}
