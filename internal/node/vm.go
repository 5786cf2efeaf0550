package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"pve-iplease/internal/pve"
)

// VMs are the virtual machines of this node.
type VMs struct{ h *Host }

// VMs returns this node's.
func (h *Host) VMs() VMs { return VMs{h} }

// RunState tells whether a VM runs, as Proxmox itself asks: by the process
// whose number stands in its pid file, and which is a QEMU with that id
// (PVE::QemuServer::Helpers, instance_running_locally). A VM is never Stopping
// here: Proxmox ends a run under the lock that the next start needs.
func (v VMs) RunState(id pve.VMID) (State, error) {
	data, err := os.ReadFile(v.h.Path("/var/run/qemu-server/" + id.String() + ".pid"))
	if os.IsNotExist(err) {
		return Stopped, nil
	}
	if err != nil {
		return Stopped, fmt.Errorf("whether VM %s runs cannot be told: %w", id, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 0 {
		return Stopped, nil
	}
	line, err := os.ReadFile(procPath(pid, "cmdline"))
	if err != nil || !isMachine(arguments(line), id) {
		return Stopped, nil
	}
	return Running, nil
}

// isMachine reports whether a command line is QEMU's for this VM: kvm -id
// <vmid> ….
func isMachine(args []string, id pve.VMID) bool {
	n := slices.Index(args, "-id")
	return n > 0 && n+1 < len(args) && args[n+1] == id.String()
}

// lockWait is how long a VM's lock is waited for. Under a hook an ancestor has
// it; elsewhere a task of a moment may.
const lockWait = time.Second

// Lock takes the lock that Proxmox's tasks hold on a VM's config, a flock on
// /run/lock/qemu-server/lock-<vmid>.conf (PVE::QemuConfig::config_file_lock).
// Held by an ancestor it is relied upon; a stranger's is ErrLocked.
func (v VMs) Lock(ctx context.Context, id pve.VMID) (unlock func(), err error) {
	path := v.h.Path("/run/lock/qemu-server/lock-" + id.String() + ".conf")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("lock of VM %s: %w", id, err)
	}
	unlock, err = acquire(ctx, flock.New(path, flock.SetPermissions(0o644)), lockWait)
	if err != nil {
		return nil, fmt.Errorf("VM %s: %w", id, err)
	}
	return unlock, nil
}
