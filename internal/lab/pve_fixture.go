package lab

import "pve-iplease/internal/pve"

// Tree makes a scratch cluster with these nodes.
func (f Fixture) Tree(nodes ...string) *Tree {
	f.t.Helper()
	t, err := NewTree(f.t.TempDir(), nodes...)
	f.Must(err)
	return t
}

// Proxmox makes a node of the tree start and stop containers.
func (f Fixture) Proxmox(tree *Tree, node *Node) *Proxmox {
	f.t.Helper()
	p := NewProxmox(tree, node)
	f.t.Cleanup(func() { f.Must(p.Close()) })
	return p
}

// CT puts a container on the node. Without a MAC it gets one.
func (f Fixture) CT(p *Proxmox, id pve.VMID, c CT) {
	f.t.Helper()
	if c.MAC.IsZero() {
		c.MAC = RandomMAC()
	}
	f.Must(p.Tree.WriteCT(p.Node.Name, id, c))
}

// OK fails the test unless a task ended well, and returns its log.
func (f Fixture) OK(t Task) string {
	f.t.Helper()
	if t.Err != nil {
		f.t.Fatalf("lab: task %s: %v\n%s", t.UPID, t.Err, t.Log)
	}
	return t.Log
}
