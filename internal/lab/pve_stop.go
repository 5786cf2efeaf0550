package lab

import (
	"fmt"

	"pve-iplease/internal/pve"
)

// Stop is "pct stop" (vzstop): the task has the lock until lxc-start is gone.
func (p *Proxmox) Stop(id pve.VMID) Task {
	if !p.Running(id) {
		return Task{Err: fmt.Errorf("CT %s not running", id)}
	}
	return p.task("vzstop", id, func(w *worker) error {
		return w.locked(id, func() error {
			if err := w.checkLock(id); err != nil {
				return err
			}
			return w.vmStop(id)
		})
	})
}

// vmStop is PVE::LXC::vm_stop. It waits for lxc-start's end, also when
// somebody else has begun to stop the container.
func (w *worker) vmStop(id pve.VMID) error {
	r := w.run(id)
	if r == nil || !r.up.Load() {
		return nil
	}
	conf, err := w.Tree.Config(w.Node.Name, id)
	if err != nil {
		return err
	}
	w.warn(w.hook(w.process, conf, id, "pre-stop", false))
	if r.beginStop() {
		w.finish(r, true)
	}
	<-r.over
	return nil
}

// Poweroff is the guest switching itself off: no task, no lock, no pre-stop.
// It returns when lxc-start is gone; to start the container before that, wait
// for a step in another goroutine.
func (p *Proxmox) Poweroff(id pve.VMID) error {
	r := p.run(id)
	if r == nil || !r.beginStop() {
		return fmt.Errorf("CT %s not running", id)
	}
	p.finish(r, true)
	return nil
}

// RebootInside is the guest rebooting itself: Proxmox rewrites the config and
// systemd starts lxc-start anew, without any of our hooks.
func (p *Proxmox) RebootInside(id pve.VMID) error {
	r := p.run(id)
	if r == nil || !r.beginStop() {
		return fmt.Errorf("CT %s not running", id)
	}
	p.finish(r, false)
	conf, err := p.Tree.Config(p.Node.Name, id)
	if err != nil {
		return err
	}
	if err := p.writeLXC(id, conf); err != nil {
		return err
	}
	return p.startUnit(id, conf)
}

// Reboot is "pct reboot": stop and start under one lock (PVE::LXC::vm_reboot).
func (p *Proxmox) Reboot(id pve.VMID) Task {
	return p.task("vzreboot", id, func(w *worker) error {
		return w.locked(id, func() error {
			if !p.Running(id) {
				return nil
			}
			if err := w.vmStop(id); err != nil {
				return err
			}
			return w.vmStart(id)
		})
	})
}

// Backup is "vzdump --mode stop": it marks the config, and then stops and
// starts the container without the lock (PVE::VZDump::LXC, stop_vm, start_vm).
func (p *Proxmox) Backup(id pve.VMID) Task {
	return p.task("vzdump", id, func(w *worker) error {
		if err := w.edit(id, func(c *GuestConfig) error { c.values["lock"] = "backup"; return nil }); err != nil {
			return err
		}
		running := p.Running(id)
		if err := w.vmStop(id); err != nil {
			return err
		}
		if running {
			if err := w.vmStart(id); err != nil {
				return err
			}
		}
		return w.edit(id, func(c *GuestConfig) error { delete(c.values, "lock"); return nil })
	})
}
