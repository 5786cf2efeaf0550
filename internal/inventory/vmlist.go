package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/tidwall/gjson"

	"pve-iplease/internal/lease"
)

// vmlist lists the configs from pmxcfs's own list, which names every guest
// with its node and numbers the versions of its config. The numbers start
// anew with pmxcfs, so its start time is part of a version.
func (r *Reader) vmlist() (listing, error) {
	start, err := startTime(filepath.Join(r.dir, ".version"))
	if err != nil {
		return listing{}, fmt.Errorf("list of guests: %w", err)
	}
	for range 2 {
		raw, err := readFresh(filepath.Join(r.dir, ".vmlist"))
		if err != nil {
			return listing{}, fmt.Errorf("list of guests: %w", err)
		}
		if r.last.mark == start+"\n"+string(raw) {
			return r.last, nil
		}
		// The list may change between asking for its size and reading it.
		if r.last, err = parseList(r.dir, start, raw); err == nil {
			return r.last, nil
		}
	}
	return listing{}, err
}

// startTime tells one run of pmxcfs from the next.
func startTime(path string) (string, error) {
	raw, err := readFresh(path)
	if err != nil {
		return "", err
	}
	var v struct {
		StartTime uint64 `json:"starttime"`
	}
	err = json.Unmarshal(raw, &v)
	return strconv.FormatUint(v.StartTime, 10), err
}

// parseList reads pmxcfs's file .vmlist.
func parseList(dir, start string, raw []byte) (listing, error) {
	text := string(raw)
	if !gjson.Valid(text) {
		return listing{}, errors.New("list of guests: .vmlist is no JSON; see whether pmxcfs is well")
	}
	l := listing{complete: true, mark: start + "\n" + text, files: make([]file, 0, len(raw)/60)}
	gjson.Get(text, "ids").ForEach(func(id, guest gjson.Result) bool {
		vmid, err := lease.ParseVMID(id.Str)
		f := file{vmid: vmid}
		var folder string
		guest.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "node":
				f.node = value.Str
			case "type":
				folder = value.Str
			case "version":
				f.version = start + "." + value.Raw
			}
			return true
		})
		switch folder {
		case "qemu":
			folder, f.kind = "qemu-server", lease.VM
		case "lxc":
		default:
			return true
		}
		f.path = dir + "/nodes/" + f.node + "/" + folder + "/" + id.Str + ".conf"
		if err == nil {
			l.files = append(l.files, f)
		}
		return true
	})
	return l, nil
}
