package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
)

// nodes enters the cluster's nodes, and the addresses of this node, as its
// kernel has them, and of the others. A probe on a bridge can't see the
// addresses of the host that sends it.
func (r *Reader) nodes(inv *lease.Inventory) {
	inv.Nodes = r.cluster
	never := inv.Never
	maps.Copy(never, r.members)
	own, _ := r.self()
	for _, p := range own {
		never[p.Addr().Unmap()] = "an address of this node"
	}
}

// knowMembers reads the nodes and their addresses from /etc/pve/.members, which
// change with the cluster's configuration, so that once is enough.
func (r *Reader) knowMembers() error {
	if r.members != nil {
		return nil
	}
	data, err := fastio.ReadDirect(filepath.Join(r.dir, ".members"), make([]byte, 4<<10))
	if clusterfs.Disconnected(err) {
		return fmt.Errorf("the cluster's members: %w", err)
	}
	r.members, r.cluster = parseMembers(data)
	return nil
}

func parseMembers(data []byte) (map[netip.Addr]string, []string) {
	never := map[netip.Addr]string{}
	var members struct {
		NodeList map[string]struct {
			IP string `json:"ip"`
		} `json:"nodelist"`
	}
	if json.Unmarshal(data, &members) == nil {
		for name, n := range members.NodeList {
			if a, err := netip.ParseAddr(n.IP); err == nil {
				never[a.Unmap()] = "an address of node " + name
			}
		}
	}
	return never, slices.Sorted(maps.Keys(members.NodeList))
}
