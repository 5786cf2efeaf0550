package lab

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"pve-iplease/internal/pve"
)

// run is one life of a container, from lxc-start's beginning to its end.
type run struct {
	id   pve.VMID
	lxc  *process
	over chan struct{} // closed when lxc-start is gone and the guest unplugged
	err  error         // of unplugging; to be read when over

	up       atomic.Bool // the command socket is there
	stopping atomic.Bool
	boot     context.Context // ends with up
	halt     context.CancelFunc

	mu    sync.Mutex // held for as long as a boot or an unplugging takes
	guest *Guest     // nil before and after
}

func (p *Proxmox) run(id pve.VMID) *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runs[id]
}

// beginStop is true for the one who may stop the run.
func (r *run) beginStop() bool { return r.up.Load() && r.stopping.CompareAndSwap(false, true) }

// listen opens the command socket.
func (r *run) listen() error {
	err := r.lxc.tell(order{Do: "listen", Path: "/var/lib/lxc/" + r.id.String() + "/command"})
	r.up.Store(err == nil)
	return err
}

// powerOn is the guest's boot, unless the run is over already.
func (r *run) powerOn(node *Node, conf *GuestConfig, mac pve.MAC) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.up.Load() {
		return errGone
	}
	r.guest, err = boot(r.boot, node, r.id, conf, mac)
	return err
}

// powerOff takes the guest off the network.
func (r *run) powerOff() {
	r.up.Store(false)
	r.halt()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.guest != nil {
		r.err = r.guest.unplug()
		r.guest = nil
	}
}

// startUnit is "systemctl start pve-container@<vmid>": nothing to do if the
// container runs; if the old lxc-start has not ended, it comes first.
func (p *Proxmox) startUnit(id pve.VMID, before *GuestConfig) error {
	r, err := p.freshRun(id)
	if r == nil || err != nil {
		return err
	}
	if err := p.bootGuest(r, before); err != nil {
		p.finish(r, true)
		return fmt.Errorf("startup for container '%s' failed: %w", id, err)
	}
	p.at(id, Booted)
	return nil
}

// freshRun waits for the old run's end and begins a new one; nil if the
// container runs.
func (p *Proxmox) freshRun(id pve.VMID) (*run, error) {
	unit := p.unit(id)
	unit.Lock() // one job a unit, as systemd has it
	defer unit.Unlock()
	if r := p.run(id); r != nil {
		if r.up.Load() {
			return nil, nil
		}
		<-r.over
	}
	r, err := p.spawn(id)
	if err != nil {
		return nil, err
	}
	if err := r.listen(); err != nil {
		p.finish(r, true)
		return nil, err
	}
	return r, nil
}

func (p *Proxmox) unit(id pve.VMID) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.units[id] == nil {
		p.units[id] = new(sync.Mutex)
	}
	return p.units[id]
}

// startProgram is lxc-start, which is this program.
func (p *Proxmox) startProgram() (path string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path = p.Tree.Path(p.Node.Name, lxcStart)
	return path, InstallProgram(path)
}

// spawn starts lxc-start, which leaves the list of runs when it ends,
// whatever ends it.
func (p *Proxmox) spawn(id pve.VMID) (*run, error) {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = nowhere.Close() }()
	program, err := p.startProgram()
	if err != nil {
		return nil, err
	}
	lxc, err := p.Node.start(program, []string{lxcStart, "-F", "-n", id.String()}, nowhere)
	if err != nil {
		return nil, err
	}
	r := &run{id: id, lxc: lxc, over: make(chan struct{})}
	r.boot, r.halt = context.WithCancel(context.Background())
	p.mu.Lock()
	p.runs[id] = r
	p.mu.Unlock()
	go func() {
		<-lxc.ended
		r.powerOff()
		p.mu.Lock()
		delete(p.runs, id)
		p.mu.Unlock()
		p.at(id, Ended)
		close(r.over)
	}()
	return r, nil
}

// bootGuest re-reads the config as Proxmox's LXC hook does at a start, and
// boots what it finds.
func (p *Proxmox) bootGuest(r *run, before *GuestConfig) error {
	now, err := p.Tree.Config(p.Node.Name, r.id)
	if err != nil {
		return err
	}
	mac, err := pve.ParseMAC(before.Net("net0")["hwaddr"])
	if err != nil {
		return err
	}
	return r.powerOn(p.Node, now, mac)
}

// finish is a container's end as lxc-start and Proxmox's own post-stop hook
// go through it (lxc-pve-poststop-hook): the socket closes, Proxmox reads the
// whole config and writes it back, without the lock; then our hook runs, its
// output unseen; then lxc-start ends. A guest that reboots has no hook run.
func (p *Proxmox) finish(r *run, hook bool) {
	_ = r.lxc.tell(order{Do: "silence"}) // a killed lxc-start has closed it
	r.powerOff()
	p.at(r.id, Silent)
	if conf, err := p.Tree.Config(p.Node.Name, r.id); err == nil {
		p.at(r.id, ConfigLoaded)
		conf.applyPending()
		_ = p.Tree.WriteCT(p.Node.Name, r.id, conf) // Proxmox only warns
		p.at(r.id, ConfigWritten)
		if hook {
			_ = p.hook(r.lxc, conf, r.id, "post-stop", true)
		}
	}
	r.lxc.exit()
	<-r.over
}
