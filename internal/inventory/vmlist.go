package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

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

// listed is a guest in .vmlist.
type listed struct {
	Node    string      `json:"node"`
	Type    string      `json:"type"`
	Version json.Number `json:"version"`
}

// parseList reads pmxcfs's file .vmlist.
func parseList(dir, start string, raw []byte) (listing, error) {
	if !json.Valid(raw) {
		return listing{}, errors.New("list of guests: .vmlist is no JSON; see whether pmxcfs is well")
	}
	text := string(raw)
	ids, ok := scanList(text)
	if !ok {
		var list struct {
			IDs map[string]listed `json:"ids"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return listing{}, fmt.Errorf("list of guests: %w", err)
		}
		ids = list.IDs
	}
	l := listing{complete: true, mark: start + "\n" + text, files: make([]file, 0, len(ids))}
	for id, g := range ids {
		vmid, err := lease.ParseVMID(id)
		f := file{vmid: vmid, node: g.Node, version: start + "." + string(g.Version)}
		folder := g.Type
		switch folder {
		case "qemu":
			folder, f.kind = "qemu-server", lease.VM
		case "lxc":
		default:
			continue
		}
		f.path = dir + "/nodes/" + f.node + "/" + folder + "/" + id + ".conf"
		if err == nil {
			l.files = append(l.files, f)
		}
	}
	return l, nil
}

// scanList reads the list line by line, each guest as pmxcfs prints it
// (cfs_create_vmlist_msg in status.c), in a tenth of the time that a JSON
// decoder takes; ok is false when a line looks different.
//
//	"101": { "node": "pve1", "type": "lxc", "version": 7 },
func scanList(text string) (ids map[string]listed, ok bool) {
	ids = make(map[string]listed, len(text)/56)
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `"node"`) {
			continue
		}
		part := strings.Split(line, `"`)
		if len(part) != 13 || part[3] != "node" || part[7] != "type" || part[11] != "version" || strings.Contains(line, `\`) {
			return nil, false
		}
		ids[part[1]] = listed{Node: part[5], Type: part[9], Version: json.Number(strings.Trim(part[12], " :{},\n"))}
	}
	return ids, len(ids) > 0
}
