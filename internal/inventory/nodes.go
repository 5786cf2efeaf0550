package inventory

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	if r.members == nil {
		inv.Unread = append(inv.Unread, lease.Unread{Part: lease.NodeAddresses, What: "the nodes' addresses in " + r.dir + "/.members", Why: cmp.Or(r.unknown, "there was no time")})
	}
	maps.Copy(inv.Never, r.members)
	if err := r.readOwn(); err != nil {
		inv.Unread = append(inv.Unread, lease.Unread{Part: lease.OwnAddresses, What: "the list of this node's own addresses", Why: reason(err), Known: r.own.known})
	}
	for _, a := range r.own.addrs {
		inv.Never[a] = "an address of this node"
	}
}

// ownAddrs are this node's own addresses as they were last read.
type ownAddrs struct {
	known bool
	addrs []netip.Addr
}

// readOwn asks the kernel. After an error what was known stands.
func (r *Reader) readOwn() error {
	own, err := r.self()
	if err != nil {
		return err
	}
	addrs := make([]netip.Addr, len(own))
	for i, p := range own {
		addrs[i] = p.Addr().Unmap()
	}
	if !r.own.known || !slices.Equal(r.own.addrs, addrs) {
		r.own = ownAddrs{true, addrs}
		r.unsaved++
	}
	return nil
}

// knowMembers reads the nodes and their addresses from /etc/pve/.members, which
// change with the cluster's configuration, so that once is enough.
func (r *Reader) knowMembers() error {
	if r.members != nil {
		return nil
	}
	data, err := fastio.ReadDirect(filepath.Join(r.dir, ".members"), make([]byte, 4<<10))
	switch {
	case clusterfs.Disconnected(err):
		return fmt.Errorf("the cluster's members: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		r.members = map[netip.Addr]string{} // no pmxcfs
	case err == nil:
		r.members, r.cluster, err = parseMembers(data)
	}
	if r.members == nil {
		r.unknown = reason(err)
	}
	return nil
}

func parseMembers(data []byte) (map[netip.Addr]string, []string, error) {
	never := map[netip.Addr]string{}
	var members struct {
		NodeList map[string]struct {
			IP string `json:"ip"`
		} `json:"nodelist"`
	}
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, nil, err
	}
	for name, n := range members.NodeList {
		if a, err := netip.ParseAddr(n.IP); err == nil {
			never[a.Unmap()] = "an address of node " + name
		}
	}
	return never, slices.Sorted(maps.Keys(members.NodeList)), nil
}
