package lab

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"pve-iplease/internal/pve"
)

// Step is a moment in a container's life at which a test may look, wait or
// strike.
type Step string

// The steps, in the order in which a start and a stop pass them.
const (
	Asked         Step = "asked"          // running? was answered, the lock not yet taken
	Locked        Step = "locked"         // the task has the config's lock
	Hooked        Step = "hooked"         // pre-start has succeeded
	Booted        Step = "booted"         // the guest is on its bridge
	Silent        Step = "silent"         // stopping: socket closed, guest gone, lxc-start lives
	ConfigLoaded  Step = "config loaded"  // stopping: Proxmox has read the config
	ConfigWritten Step = "config written" // stopping: and has written it back, whole
	Ended         Step = "ended"          // lxc-start is gone
)

// Proxmox starts and stops the containers of one node in the order that
// Proxmox VE has, with processes that look like its own: a task worker that
// holds the config's flock and is the hook's parent, an lxc-start per
// container. It may be used by several goroutines, each being a task.
type Proxmox struct {
	Node *Node
	Tree *Tree
	// Watch is called at every step, if it is set, by the goroutine that takes it.
	Watch func(pve.VMID, Step)
	// LockTimeout is how long a task waits for the config's lock; 10 s in Proxmox.
	LockTimeout time.Duration
	// Args are put before VMID and phase in a hook's command line; --root and
	// the node's root directory.
	Args []string

	mu      sync.Mutex
	tasks   int
	workers map[*process]pve.VMID
	killed  []*process // stopped tasks, whose hook may live on
	runs    map[pve.VMID]*run
	units   map[pve.VMID]*sync.Mutex
}

// NewProxmox is a node of the tree, with the network of node.
func NewProxmox(tree *Tree, node *Node) *Proxmox {
	return &Proxmox{
		Node: node, Tree: tree, LockTimeout: 10 * time.Second,
		Args:    []string{"--root", tree.Root(node.Name)},
		workers: map[*process]pve.VMID{},
		runs:    map[pve.VMID]*run{},
		units:   map[pve.VMID]*sync.Mutex{},
	}
}

// at marks a step.
func (p *Proxmox) at(id pve.VMID, s Step) {
	if p.Watch != nil {
		p.Watch(id, s)
	}
}

// Guest is the booted container; an error if it is not running.
func (p *Proxmox) Guest(id pve.VMID) (*Guest, error) {
	if r := p.run(id); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.guest != nil {
			return r.guest, nil
		}
	}
	return nil, fmt.Errorf("CT %s not running", id)
}

// Running is what Proxmox asks before it does anything: whether the command
// socket is there.
func (p *Proxmox) Running(id pve.VMID) bool {
	r := p.run(id)
	return r != nil && r.up.Load()
}

// Monitor is the process id of the container's lxc-start, 0 if there is none.
func (p *Proxmox) Monitor(id pve.VMID) int {
	if r := p.run(id); r != nil {
		return r.lxc.cmd.Process.Pid
	}
	return 0
}

// Kill ends lxc-start as kill -9 does: no post-stop, no rewritten config.
func (p *Proxmox) Kill(id pve.VMID) {
	if r := p.run(id); r != nil {
		r.lxc.kill(syscall.SIGKILL, true)
		<-r.over
	}
}

// StopTask ends the tasks of a container as "Stop" in the task viewer does:
// SIGTERM to the worker's process group. The worker dies at once and its lock
// is free; the hook may take its time.
func (p *Proxmox) StopTask(id pve.VMID) {
	p.mu.Lock()
	var hit []*process
	for w, of := range p.workers {
		if of == id {
			hit = append(hit, w)
		}
	}
	p.killed = append(p.killed, hit...)
	p.mu.Unlock()
	for _, w := range hit {
		w.kill(syscall.SIGTERM, false)
	}
}

// Close ends every process of the node and unplugs its guests.
func (p *Proxmox) Close() error {
	p.mu.Lock()
	processes := p.killed
	for w := range p.workers {
		processes = append(processes, w)
	}
	var runs []*run
	for _, r := range p.runs {
		runs = append(runs, r)
		processes = append(processes, r.lxc)
	}
	p.mu.Unlock()
	for _, w := range processes {
		w.kill(syscall.SIGKILL, false)
	}
	var err error
	for _, r := range runs {
		<-r.over
		err = errors.Join(err, r.err)
	}
	return err
}
