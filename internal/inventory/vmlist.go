package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pve-iplease/internal/pve"
)

// vmlist lists the configs from pmxcfs's own list, which names every guest
// with its node and numbers the versions of its config. The numbers start
// anew with pmxcfs, so its start time is part of a version.
func (r *Reader) vmlist() (listing, error) {
	for n := 0; ; n++ {
		time.Sleep(time.Duration(n) * pause)
		text, start, err := r.index.read(r.dir)
		if err != nil {
			return listing{}, fmt.Errorf("list of guests: %w", err)
		}
		if r.last.start == start && r.last.text == string(text) {
			return r.last, nil
		}
		l := listing{complete: true, start: start, text: string(text)}
		if l.files, err = parseList(l.text); err == nil {
			l.number(trusted(start, time.Now()))
			r.last = l
			return l, nil
		}
		if n == 3 { // a long one can be read torn
			return listing{}, err
		}
	}
}

// trusted is what the versions of a run of pmxcfs are known by, 0 if they are
// not to be trusted: its start time has whole seconds, so that a run which
// ends within its first ones may be followed by another of the same name.
func trusted(start uint64, now time.Time) int64 {
	if age := now.Unix() - int64(start); age >= 0 && age < 3 {
		return 0
	}
	return int64(start)
}

// number makes the list's numbers versions that stand for themselves.
func (l *listing) number(run int64) {
	for i := range l.files {
		l.files[i].version[0] = run
		if run == 0 {
			l.files[i].version = version{}
		}
	}
}

// listed is a guest in .vmlist.
type listed struct {
	Node    string `json:"node"`
	Type    string `json:"type"`
	Version uint32 `json:"version"`
}

// parseList reads pmxcfs's file .vmlist. A version has its number in the
// second place.
func parseList(text string) ([]file, error) {
	if files, ok := scanList(text); ok {
		return files, nil
	}
	var list struct {
		IDs map[string]listed `json:"ids"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, errors.New("list of guests: .vmlist is no JSON; see whether pmxcfs is well")
	}
	files := make([]file, 0, len(list.IDs))
	for id, g := range list.IDs {
		vmid, err := pve.ParseVMID(id)
		if kind, ok := kindOf(g.Type); ok && err == nil {
			files = append(files, file{place{g.Node, kind, vmid}, version{1: int64(g.Version)}})
		}
	}
	return files, nil
}

// message is the most that the kernel asks of pmxcfs at once (max_read of
// libfuse 2): a list that is longer may be read torn.
const message = 128 << 10

// kindOf translates pmxcfs's word for a kind of guests.
func kindOf(word string) (k pve.Kind, ok bool) {
	if word == "qemu" {
		return pve.VM, true
	}
	return pve.Container, word == "lxc"
}
