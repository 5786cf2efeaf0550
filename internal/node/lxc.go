package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/pve"
)

// LXC is what Proxmox keeps of a container for LXC, beside the guest's config.
type LXC struct{ h *Host }

// LXC returns this node's.
func (h *Host) LXC() LXC { return LXC{h} }

func (l LXC) dir(id pve.VMID) string { return l.h.Path("/var/lib/lxc/" + id.String()) }

// ReadConfig reads the file that Proxmox generates before every start
// (PVE::LXC, update_lxc_config); nothing if there is none, as when the hook is
// called by hand.
func (l LXC) ReadConfig(id pve.VMID) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(l.dir(id), "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the file that Proxmox made for LXC of CT %s: %w", id, err)
	}
	return data, nil
}

// WriteConfig replaces that file. It needn't outlive a crash: the next start
// generates it anew.
func (l LXC) WriteConfig(id pve.VMID, data []byte) error {
	path := filepath.Join(l.dir(id), "config")
	sweep(path)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(l.dir(id)), renameio.WithExistingPermissions())
	if err == nil {
		defer func() { _ = f.Cleanup() }() // what it cannot remove, sweep does next time
		if _, err = f.Write(data); err == nil {
			err = f.CloseAtomicallyReplace()
		}
	}
	if err != nil {
		return fmt.Errorf("the file that Proxmox made for LXC of CT %s stays as it was: %w%s", id, err, l.h.advice(err))
	}
	return nil
}

// IgnoresNetwork reports whether the container's file system, as far as it is
// mounted, holds the mark that keeps Proxmox from writing its network file
// (PVE::LXC::Setup::Base, ct_is_file_ignored).
func (l LXC) IgnoresNetwork(id pve.VMID) bool {
	_, err := os.Stat(filepath.Join(l.dir(id), "rootfs/etc/network/.pve-ignore.interfaces"))
	return err == nil
}
