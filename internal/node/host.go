package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"pve-iplease/internal/clusterfs"
	"pve-iplease/internal/pve"
)

// Host is the node that this process runs on. It holds no open files and may
// be used by several goroutines.
type Host struct {
	root   string // absolute and clean; empty for the machine's own root
	name   func() string
	pve    *clusterfs.Mount
	parent int // who had started us when Open was called
}

// Open looks at the host whose files lie under root; "" and "/" mean the
// machine itself. It fails only if root is no directory.
func Open(root string) (*Host, error) {
	h := &Host{parent: os.Getppid()}
	if root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, fmt.Errorf("root directory %q: %w", root, err)
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("%q is not a directory; name an existing one after --root", root)
		}
		h.root = strings.TrimSuffix(abs, "/")
	}
	h.pve = clusterfs.At(h.Path("/etc/pve"), h.Path("/var/lib/pve-cluster/config.db"))
	h.name = sync.OnceValue(h.findName)
	return h, nil
}

// Path puts the root directory in front of an absolute path of the host.
func (h *Host) Path(abs string) string { return filepath.Join(h.root, filepath.Clean("/"+abs)) }

// PVE is the mount of /etc/pve.
func (h *Host) PVE() *clusterfs.Mount { return h.pve }

// Name is the node's name in the cluster.
func (h *Host) Name() string { return h.name() }

// findName asks the links that pmxcfs makes for its own node (cfs-plug-link.c:
// local -> nodes/NAME, lxc -> nodes/NAME/lxc) before the host name, which is
// what Proxmox uses but a scratch tree cannot have.
func (h *Host) findName() string {
	var target string
	err := h.pve.Steadily(context.Background(), func() (err error) {
		target, err = os.Readlink(h.Path("/etc/pve/local"))
		return err
	})
	if err == nil {
		return filepath.Base(target)
	}
	if target, err := os.Readlink(h.Path("/etc/pve/lxc")); err == nil && filepath.Base(target) == "lxc" {
		return filepath.Base(filepath.Dir(target))
	}
	name, _ := os.Hostname()
	short, _, _ := strings.Cut(name, ".") // as PVE::INotify::nodename does
	return short
}

// Orphaned reports whether the process that started us is gone: a stopped
// Proxmox task leaves its hook behind and its config lock free.
func (h *Host) Orphaned() bool { return os.Getppid() != h.parent }

// guestPath is where the config of a guest of this node lies. Proxmox itself
// goes through nodes/NAME; a tree without it has the plain directory.
func (h *Host) guestPath(kind pve.Kind, id pve.VMID) string {
	dir := "lxc"
	if kind == pve.VM {
		dir = "qemu-server"
	}
	own := h.Path("/etc/pve/nodes/" + h.name() + "/" + dir)
	if _, err := os.Stat(own); err != nil {
		own = h.Path("/etc/pve/" + dir)
	}
	return filepath.Join(own, id.String()+".conf")
}

// guestName is how messages call a guest, as in "CT 101".
func guestName(kind pve.Kind, id pve.VMID) string {
	return pve.Owner{Kind: kind, VMID: id}.Guest()
}
