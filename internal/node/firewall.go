package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/firewall"
	"pve-iplease/internal/pve"
)

// Firewall is Proxmox's own on this node.
type Firewall struct{ h *Host }

// Firewall returns this node's.
func (h *Host) Firewall() Firewall { return Firewall{h} }

// Cluster reads what holds for all guests.
func (f Firewall) Cluster() (firewall.File, error) {
	return f.file(firewall.Cluster, "/etc/pve/firewall/cluster.fw")
}

// Guest reads what holds for one.
func (f Firewall) Guest(id pve.VMID) (firewall.File, error) {
	return f.file(firewall.Guest, "/etc/pve/firewall/"+id.String()+".fw")
}

// State is what decides whether a guest is pinned.
func (f Firewall) State(id pve.VMID) (s firewall.State, err error) {
	if s.Cluster, err = f.Cluster(); err != nil || !s.Cluster.Enable {
		return s, err
	}
	if s.Own, err = f.Guest(id); err != nil || !s.Own.Enable {
		return s, err
	}
	s.NFTables, err = f.NFTables()
	s.Runs = !s.NFTables && f.Runs(false)
	return s, err
}

// Guests are those that have a file.
func (f Firewall) Guests() ([]pve.VMID, error) {
	names, err := fastio.Names(f.h.Path("/etc/pve/firewall"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("what Proxmox's firewall is told can't be read: %w", err)
	}
	var ids []pve.VMID
	for _, name := range names {
		if digits, ok := strings.CutSuffix(name, ".fw"); ok {
			if id, err := pve.ParseVMID(digits); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// file reads one of the files; a missing one is none.
func (f Firewall) file(scope firewall.Scope, path string) (firewall.File, error) {
	data, err := fastio.ReadDirect(f.h.Path(path), make([]byte, 4<<10))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return firewall.File{}, fmt.Errorf("what Proxmox's firewall is told can't be read: %w", err)
	}
	return firewall.Parse(scope, data, time.Now()), nil
}

// NFTables reports whether the newer proxmox-firewall makes the rules
// (PVE::Firewall::is_nftables).
func (f Firewall) NFTables() (bool, error) {
	if unix.Access(f.h.Path("/usr/libexec/proxmox/proxmox-firewall"), unix.X_OK) != nil {
		return false, nil
	}
	own, err := f.file(firewall.Node, "/etc/pve/nodes/"+f.h.Name()+"/host.fw")
	return own.NFTables, err
}

// Runs reports whether the daemon that makes the rules does.
func (f Firewall) Runs(nftables bool) bool {
	if !nftables {
		data, err := os.ReadFile(f.h.Path("/run/pve-firewall.pid"))
		pid, perr := strconv.Atoi(strings.TrimSpace(string(data)))
		return err == nil && perr == nil && called(strconv.Itoa(pid), "pve-firewall")
	}
	processes, _ := fastio.Names("/proc")
	for _, p := range processes {
		if strings.Trim(p, "0123456789") == "" && called(p, "proxmox-firewall") {
			return true
		}
	}
	return false
}

// longestComm is what the kernel keeps of a process's name (TASK_COMM_LEN).
const longestComm = 15

// called reports whether a process has a name.
func called(pid, name string) bool {
	comm, err := fastio.ReadFile("/proc/" + pid + "/comm")
	return err == nil && strings.TrimSpace(string(comm)) == name[:min(len(name), longestComm)]
}
