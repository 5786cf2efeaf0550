package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pve-iplease/internal/pve"
)

// Task is what is left of a task when it has ended.
type Task struct {
	UPID string // names it
	Log  string // what the task viewer shows, hooks' output included
	Err  error  // nil for "TASK OK"
}

// task runs one as a worker process of the node.
func (p *Proxmox) task(kind string, id pve.VMID, do func(w *worker) error) Task {
	p.mu.Lock()
	p.tasks++
	upid := fmt.Sprintf("UPID:%s:%08X:%08X:00000000:%s:%s:root@pam:", p.Node.Name, p.tasks, p.tasks, kind, id)
	p.mu.Unlock()
	path := p.Tree.Path(p.Node.Name, "/var/log/pve/tasks/"+upid)
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return Task{UPID: upid, Err: err}
	}
	defer func() { _ = log.Close() }()
	err = p.work(upid, id, log, do)
	if err != nil {
		_, _ = fmt.Fprintf(log, "TASK ERROR: %v\n", err)
	} else {
		_, _ = fmt.Fprintln(log, "TASK OK")
	}
	text, rerr := os.ReadFile(path)
	return Task{UPID: upid, Log: string(text), Err: errors.Join(err, rerr)}
}

// worker is a task at work.
type worker struct {
	*Proxmox
	*process
	log *os.File
}

func (p *Proxmox) work(upid string, id pve.VMID, log *os.File, do func(w *worker) error) error {
	proc, err := p.Node.start("/proc/self/exe", []string{"task " + upid}, log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.workers[proc] = id
	p.mu.Unlock()
	defer func() {
		proc.exit()
		p.mu.Lock()
		delete(p.workers, proc)
		p.mu.Unlock()
	}()
	return do(&worker{p, proc, log})
}

// locked does something while the worker has the config's lock
// (PVE::AbstractConfig, lock_config).
func (w *worker) locked(id pve.VMID, do func() error) error {
	path := w.Tree.Path(w.Node.Name, "/run/lock/lxc/pve-config-"+id.String()+".lock")
	if err := w.tell(order{Do: "lock", Path: path, Timeout: w.LockTimeout}); err != nil {
		return err
	}
	w.at(id, Locked)
	if err := do(); err != nil {
		return err
	}
	return w.tell(order{Do: "unlock"})
}

// warn puts a line into the task's log.
func (w *worker) warn(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(w.log, err)
	}
}

// hook lets a process run a container's hook for a phase, if it has one.
func (p *Proxmox) hook(by *process, conf *GuestConfig, id pve.VMID, phase string, quiet bool) error {
	volume := conf.Value("hookscript")
	if volume == "" {
		return nil
	}
	path, err := p.snippet(volume)
	if err == nil {
		argv := append([]string{path}, p.Args...)
		err = by.tell(order{Do: "hook", Argv: append(argv, id.String(), phase), Quiet: quiet})
	}
	if err == nil || errors.Is(err, errGone) {
		return err
	}
	return fmt.Errorf("hookscript error for %s on %s: %w", id, phase, err)
}

// snippet finds a hook's file (PVE::GuestHelpers, check_hookscript).
func (p *Proxmox) snippet(volume string) (string, error) {
	name, ok := strings.CutPrefix(volume, "local:snippets/")
	if !ok {
		return "", fmt.Errorf("'%s' is not in the snippets directory", volume)
	}
	path := filepath.Join(p.Tree.Path(p.Node.Name, "/var/lib/vz/snippets"), name)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("script '%s' does not exist", volume)
	}
	if info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("script '%s' is not executable", volume)
	}
	return path, nil
}
