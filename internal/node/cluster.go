package node

import (
	"encoding/json"
	"os"
	"strings"
)

// Cluster is the name of the cluster that this node is in, from
// /etc/pve/corosync.conf, which is there before corosync is up, or else from
// pmxcfs's own file .members; empty for a host of its own.
func (h *Host) Cluster() string {
	if conf, err := os.ReadFile(h.Path("/etc/pve/corosync.conf")); err == nil {
		if name := clusterName(string(conf)); name != "" {
			return name
		}
	}
	data, err := os.ReadFile(h.Path("/etc/pve/.members"))
	if err != nil {
		return ""
	}
	var members struct {
		Cluster struct {
			Name string `json:"name"`
		} `json:"cluster"`
	}
	if json.Unmarshal(data, &members) != nil {
		return ""
	}
	return members.Cluster.Name
}

// clusterName reads totem.cluster_name (corosync.conf(5)).
func clusterName(conf string) string {
	for line := range strings.Lines(conf) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "cluster_name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
