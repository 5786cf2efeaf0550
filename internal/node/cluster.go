package node

import (
	"encoding/json"
	"os"
)

// Cluster is the name of the cluster that this node is in, as pmxcfs says in
// /etc/pve/.members; empty for a host of its own.
func (h *Host) Cluster() string {
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
