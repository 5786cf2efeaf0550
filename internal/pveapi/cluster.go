package pveapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"pve-iplease/internal/pve"
)

// Number is a whole number, which Perl writes with or without quotes,
// depending on what was done with it before.
type Number int64

// UnmarshalJSON reads both.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "null" || text == "" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%s is no number", data)
	}
	*n = Number(v)
	return nil
}

// Node is a node of the cluster.
type Node struct {
	Name   string `json:"node"`
	Status string `json:"status"` // online, offline, or unknown soon after its start
}

// Dead reports whether the cluster has lost the node.
func (n Node) Dead() bool { return n.Status == "offline" }

// Nodes are all of the cluster's.
func (a *API) Nodes(ctx context.Context) ([]Node, error) {
	var list []Node
	err := a.Get(ctx, "/nodes", nil, &list)
	return list, err
}

// Guest is a guest of the cluster and how it is.
type Guest struct {
	VMID   pve.VMID
	Kind   pve.Kind
	Node   string
	Status string // running, stopped, or unknown on a dead node
}

// UnmarshalJSON reads an entry of /cluster/resources.
func (g *Guest) UnmarshalJSON(data []byte) error {
	var raw struct {
		VMID               Number
		Node, Status, Type string
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*g = Guest{VMID: pve.VMID(raw.VMID), Node: raw.Node, Status: raw.Status}
	if raw.Type == "qemu" {
		g.Kind = pve.VM
	}
	return nil
}

// Guests are all of the cluster's. A token sees those that it may audit, and
// nobody says that there are more.
func (a *API) Guests(ctx context.Context) ([]Guest, error) {
	var list []Guest
	err := a.Get(ctx, "/cluster/resources", map[string]string{"type": "vm"}, &list)
	return list, err
}

// Status is whether a guest is "running" or "stopped", as its node finds out
// now; what the cluster says is as old as the node's pvestatd.
func (a *API) Status(ctx context.Context, node string, kind pve.Kind, id pve.VMID) (string, error) {
	var raw struct {
		Status string `json:"status"`
	}
	err := a.Get(ctx, guest(node, kind, id)+"/status/current", nil, &raw)
	return raw.Status, err
}

// HasVolume reports whether a node has the file of a volume, such as a
// snippet. Only who may allocate on its storage is told.
func (a *API) HasVolume(ctx context.Context, node, volume string) (bool, error) {
	storage, _, _ := strings.Cut(volume, ":")
	err := a.Get(ctx, "/nodes/"+url.PathEscape(node)+"/storage/"+url.PathEscape(storage)+"/content/"+url.PathEscape(volume), nil, nil)
	var refused *Error
	if errors.As(err, &refused) && strings.Contains(refused.Reason, "volume_size_info on ") {
		return false, nil // its size and format can't be told, PVE::API2::Storage::Content
	}
	return err == nil, err
}
