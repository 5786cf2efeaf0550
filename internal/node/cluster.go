package node

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pve-iplease/internal/fastio"
)

// Cluster is the name of the cluster that this node is in, from
// /etc/pve/corosync.conf, which is there before corosync is up, or else from
// pmxcfs's own file .members; empty for a host of its own.
func (h *Host) Cluster() string {
	if conf, err := h.readShared("/etc/pve/corosync.conf"); err == nil {
		if name := clusterName(string(conf)); name != "" {
			return name
		}
	}
	return h.members().Cluster.Name
}

// readShared reads a file of pmxcfs.
func (h *Host) readShared(path string) (data []byte, err error) {
	err = h.pve.Steadily(context.Background(), func() error {
		data, err = fastio.ReadDirect(h.Path(path), make([]byte, 4<<10))
		return err
	})
	return data, err
}

// members is pmxcfs's file .members, as far as it can be read.
type members struct {
	Cluster struct {
		Name string `json:"name"`
	} `json:"cluster"`
	Nodes map[string]struct{} `json:"nodelist"`
}

func (h *Host) members() (m members) {
	if data, err := h.readShared("/etc/pve/.members"); err == nil {
		_ = json.Unmarshal(data, &m)
	}
	return m
}

// Members are the names of the cluster's nodes, sorted; none on a host of its
// own, or where pmxcfs doesn't tell.
func (h *Host) Members() []string { return slices.Sorted(maps.Keys(h.members().Nodes)) }

// clusterName reads totem.cluster_name (corosync.conf(5)).
func clusterName(conf string) string {
	for line := range strings.Lines(conf) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "cluster_name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
