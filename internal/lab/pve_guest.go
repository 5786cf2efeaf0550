package lab

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"pve-iplease/internal/pve"
)

// edit changes a container's config under its lock.
func (w *worker) edit(id pve.VMID, change func(*GuestConfig) error) error {
	return w.locked(id, func() error {
		conf, err := w.Tree.Config(w.Node.Name, id)
		if err != nil {
			return err
		}
		if err := change(conf); err != nil {
			return err
		}
		return w.Tree.WriteCT(w.Node.Name, id, conf)
	})
}

// Set is "pct set" with a key that can be changed at once.
func (p *Proxmox) Set(id pve.VMID, key, value string) Task {
	return p.task("vzset", id, func(w *worker) error {
		return w.edit(id, func(c *GuestConfig) error { c.values[key] = value; return nil })
	})
}

// SetPending is "pct set" with a key that waits for the next start.
func (p *Proxmox) SetPending(id pve.VMID, key, value string) Task {
	return p.task("vzset", id, func(w *worker) error {
		return w.edit(id, func(c *GuestConfig) error {
			if c.pending == nil {
				c.pending = newSection()
			}
			c.pending.values[key] = value
			return nil
		})
	})
}

// Clone makes a container from another: new MAC, the same ip= and hookscript
// (PVE::API2::LXC, clone_vm).
func (p *Proxmox) Clone(id, newID pve.VMID, hostname string) Task {
	return p.task("vzclone", id, func(w *worker) error {
		return w.locked(id, func() error {
			conf, err := p.Tree.Config(p.Node.Name, id)
			if err != nil {
				return err
			}
			clone := &GuestConfig{section: *conf.copy()}
			for _, key := range []string{"parent", "snaptime", "template", "lock"} {
				delete(clone.values, key)
			}
			clone.values["hostname"] = hostname
			clone.renew()
			return p.Tree.WriteCT(p.Node.Name, newID, clone)
		})
	})
}

// renew gives every network interface a new MAC.
func (c *GuestConfig) renew() {
	for key, value := range maps.Clone(c.values) {
		if strings.HasPrefix(key, "net") {
			net := ParseNet(value)
			net["hwaddr"] = RandomMAC().String()
			c.values[key] = net.String()
		}
	}
}

// Snapshot keeps the running config under a name.
func (p *Proxmox) Snapshot(id pve.VMID, name string) Task {
	return p.task("vzsnapshot", id, func(w *worker) error {
		return w.edit(id, func(c *GuestConfig) error {
			if c.snapshots[name] != nil {
				return fmt.Errorf("snapshot name '%s' already used", name)
			}
			c.snapshots[name] = c.copy()
			c.values["parent"] = name
			return nil
		})
	})
}

// Rollback stops the container and makes a snapshot's config the running one
// (PVE::AbstractConfig, snapshot_rollback).
func (p *Proxmox) Rollback(id pve.VMID, name string) Task {
	return p.task("vzrollback", id, func(w *worker) error {
		if err := w.locked(id, func() error { return w.vmStop(id) }); err != nil {
			return err
		}
		return w.edit(id, func(c *GuestConfig) error {
			snap := c.snapshots[name]
			if snap == nil {
				return fmt.Errorf("snapshot '%s' does not exist", name)
			}
			c.section = *snap.copy()
			c.values["parent"] = name
			return nil
		})
	})
}

// Destroy removes a stopped container.
func (p *Proxmox) Destroy(id pve.VMID) Task {
	return p.task("vzdestroy", id, func(w *worker) error {
		return w.locked(id, func() error {
			if p.Running(id) {
				return fmt.Errorf("unable to destroy CT %s - container is running", id)
			}
			return p.Tree.RemoveCT(p.Node.Name, id)
		})
	})
}

// Restore makes a container from a backup, that is from a config's text, and
// with unique gives it new MACs. Either way ip= and hookscript are the old.
func (p *Proxmox) Restore(id pve.VMID, backup string, unique bool) Task {
	return p.task("vzrestore", id, func(w *worker) error {
		return w.locked(id, func() error {
			if p.Running(id) {
				return fmt.Errorf("unable to restore CT %s - container is running", id)
			}
			conf := &GuestConfig{section: ParseGuestConfig(backup).section}
			if unique {
				conf.renew()
			}
			return p.Tree.WriteCT(p.Node.Name, id, conf)
		})
	})
}

// Migrate moves a container to another node of the tree; one that runs is
// stopped here and started there ("restart migration"), so that post-stop and
// pre-start run on two nodes.
func (p *Proxmox) Migrate(id pve.VMID, to *Proxmox) Task {
	var running bool
	moved := p.task("vzmigrate", id, func(w *worker) error {
		return w.locked(id, func() error {
			running = p.Running(id)
			if err := w.vmStop(id); err != nil {
				return err
			}
			return p.Tree.MoveCT(id, p.Node.Name, to.Node.Name)
		})
	})
	if moved.Err != nil || !running {
		return moved
	}
	started := to.Start(id)
	moved.Log += started.Log
	moved.Err = errors.Join(moved.Err, started.Err)
	return moved
}
