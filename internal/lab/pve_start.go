package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pve-iplease/internal/pve"
)

// Start is "pct start" (PVE::API2::LXC::Status, vm_start): whether the
// container runs is asked before the lock, and not again.
func (p *Proxmox) Start(id pve.VMID) Task {
	if p.Running(id) {
		return Task{Err: fmt.Errorf("CT %s already running", id)}
	}
	p.at(id, Asked)
	return p.task("vzstart", id, func(w *worker) error {
		return w.locked(id, func() error {
			if err := w.checkLock(id); err != nil {
				return err
			}
			return w.vmStart(id)
		})
	})
}

// checkLock refuses a container that a backup or the like has marked
// (PVE::AbstractConfig, check_lock).
func (p *Proxmox) checkLock(id pve.VMID) error {
	conf, err := p.Tree.Config(p.Node.Name, id)
	if err != nil {
		return err
	}
	if lock := conf.Value("lock"); lock != "" && lock != "mounted" {
		return fmt.Errorf("CT is locked (%s)", lock)
	}
	return nil
}

// vmStart is PVE::LXC::vm_start, whose caller has the lock, or not.
func (w *worker) vmStart(id pve.VMID) error {
	node := w.Node.Name
	conf, err := w.Tree.Config(node, id)
	if err != nil {
		return err
	}
	if conf.Value("template") == "1" {
		return errors.New("you can't start a CT if it's a template")
	}
	if conf.hasPending() {
		conf.applyPending()
		if err := w.Tree.WriteCT(node, id, conf); err != nil {
			return err
		}
	}
	if err := w.writeLXC(id, conf); err != nil {
		return err
	}
	if err := w.hook(w.process, conf, id, "pre-start", false); err != nil {
		return err
	}
	w.at(id, Hooked)
	if err := w.startUnit(id, conf); err != nil {
		return err
	}
	w.warn(w.hook(w.process, conf, id, "post-start", false))
	return nil
}

// writeLXC writes the config that lxc-start is given (update_lxc_config),
// made before the hook and not again. A host-managed interface gets its
// address from here.
func (p *Proxmox) writeLXC(id pve.VMID, conf *GuestConfig) error {
	net0 := conf.Net("net0")
	var b strings.Builder
	fmt.Fprintf(&b, "lxc.uts.name = %s\nlxc.net.0.type = veth\nlxc.net.0.veth.pair = %s\n", conf.Value("hostname"), GuestPort(id, 0))
	fmt.Fprintf(&b, "lxc.net.0.hwaddr = %s\nlxc.net.0.name = %s\n", net0["hwaddr"], net0["name"])
	if net0["host-managed"] == "1" {
		for key, line := range map[string]string{"ip": "address", "gw": "gateway"} {
			if v := net0[key]; v != "" && v != "dhcp" && v != "manual" {
				fmt.Fprintf(&b, "lxc.net.0.ipv4.%s = %s\n", line, v)
			}
		}
	}
	path := p.Tree.Path(p.Node.Name, "/var/lib/lxc/"+id.String()+"/config")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return replace(path, b.String())
}
