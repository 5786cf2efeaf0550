package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"pve-iplease/internal/pve"
)

// Tree is a scratch cluster in a directory: the shared /etc/pve, and for each
// node a root directory for --root, whose etc/pve leads there.
type Tree struct {
	dir   string
	nodes []string
}

// shared are the directories of /etc/pve that all nodes see alike.
func shared() []string { return []string{"nodes", "priv", "pve-iplease", "sdn"} }

// NewTree makes the cluster's files below an existing directory.
func NewTree(dir string, nodes ...string) (*Tree, error) {
	t := &Tree{dir: dir, nodes: nodes}
	for _, name := range append(shared(), "priv/lock") {
		if err := os.MkdirAll(t.cluster(name), 0o755); err != nil {
			return nil, err
		}
	}
	for _, n := range nodes {
		if err := t.addNode(n); err != nil {
			return nil, fmt.Errorf("node %s: %w", n, err)
		}
	}
	return t, nil
}

func (t *Tree) cluster(path string) string { return filepath.Join(t.dir, "cluster", path) }

// Root is a node's root directory, what --root is to be given.
func (t *Tree) Root(node string) string { return filepath.Join(t.dir, node) }

// Path is a file of a node, named as the node names it.
func (t *Tree) Path(node, abs string) string { return filepath.Join(t.Root(node), abs) }

func (t *Tree) addNode(node string) error {
	dirs := []string{
		t.cluster("nodes/" + node + "/lxc"), t.cluster("nodes/" + node + "/qemu-server"),
	}
	for _, d := range []string{
		"/etc/pve", "/etc/network", "/run/lock/lxc", "/var/lib/lxc", "/var/lib/vz/snippets", "/var/log/pve/tasks", "/usr/bin",
	} {
		dirs = append(dirs, t.Path(node, d))
	}
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	return t.link(node)
}

// link makes the links of /etc/pve (cfs-plug-link.c), and those to the shared
// part.
func (t *Tree) link(node string) error {
	links := map[string]string{
		"/etc/pve/local":       "nodes/" + node,
		"/etc/pve/lxc":         "nodes/" + node + "/lxc",
		"/etc/pve/qemu-server": "nodes/" + node + "/qemu-server",
	}
	for _, name := range shared() {
		links["/etc/pve/"+name] = "../../../cluster/" + name
	}
	for name, target := range links {
		if err := os.Symlink(target, t.Path(node, name)); err != nil {
			return err
		}
	}
	return nil
}

// InstallHook puts a program into every node's snippets under this name, for
// hookscript: local:snippets/NAME.
func (t *Tree) InstallHook(name, program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	for _, n := range t.nodes {
		if err := os.Symlink(program, t.Path(n, "/var/lib/vz/snippets/"+name)); err != nil {
			return err
		}
	}
	return nil
}

// WritePools writes the cluster's pools.cfg.
func (t *Tree) WritePools(text string) error {
	return replace(t.cluster("pve-iplease/pools.cfg"), text)
}

// guestPath is where a guest's config lies, on whichever node.
func (t *Tree) guestPath(node string, kind pve.Kind, id pve.VMID) string {
	dir := "lxc"
	if kind == pve.VM {
		dir = "qemu-server"
	}
	return t.cluster("nodes/" + node + "/" + dir + "/" + id.String() + ".conf")
}

// WriteCT puts a container's config on a node.
func (t *Tree) WriteCT(node string, id pve.VMID, text fmt.Stringer) error {
	return replace(t.guestPath(node, pve.Container, id), text.String())
}

// WriteVM is WriteCT for virtual machines.
func (t *Tree) WriteVM(node string, id pve.VMID, text fmt.Stringer) error {
	return replace(t.guestPath(node, pve.VM, id), text.String())
}

// ReadCT is a container's config file on a node.
func (t *Tree) ReadCT(node string, id pve.VMID) (string, error) {
	data, err := os.ReadFile(t.guestPath(node, pve.Container, id))
	return string(data), err
}

// Config is a container's config on a node, as Proxmox understands it.
func (t *Tree) Config(node string, id pve.VMID) (*GuestConfig, error) {
	text, err := t.ReadCT(node, id)
	if errors.Is(err, fs.ErrNotExist) { // PVE::AbstractConfig, load_config
		return nil, fmt.Errorf("configuration file 'nodes/%s/lxc/%s.conf' does not exist", node, id)
	}
	return ParseGuestConfig(text), err
}

// RemoveCT deletes a container's config.
func (t *Tree) RemoveCT(node string, id pve.VMID) error {
	return os.Remove(t.guestPath(node, pve.Container, id))
}

// MoveCT moves a container's config to another node.
func (t *Tree) MoveCT(id pve.VMID, from, to string) error {
	return os.Rename(t.guestPath(from, pve.Container, id), t.guestPath(to, pve.Container, id))
}

// CTs are the containers of a node.
func (t *Tree) CTs(node string) ([]pve.VMID, error) {
	entries, err := os.ReadDir(filepath.Dir(t.guestPath(node, pve.Container, 100)))
	var ids []pve.VMID
	for _, e := range entries {
		if id, err := pve.ParseVMID(trimConf(e.Name())); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, err
}

func trimConf(name string) string {
	if filepath.Ext(name) != ".conf" {
		return ""
	}
	return name[:len(name)-len(".conf")]
}

// replace writes a file as PVE::Tools::file_set_contents does. Each goroutine
// is another process of Proxmox, so the number is not this process's.
func replace(path, text string) error {
	tmp := fmt.Sprintf("%s.tmp.%d", path, rand.IntN(1<<22))
	if err := os.WriteFile(tmp, []byte(text), 0o640); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
