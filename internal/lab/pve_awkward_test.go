package lab_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// A poweroff inside the guest and a start at once: what the new pre-start
// writes is lost, since Proxmox still writes back what it read before.
func TestProxmoxPoweroffOverlapsStart(t *testing.T) {
	s := newSite(t, `[ $phase = pre-start ] && sed -i 's|10.0.0.201|10.0.0.202|' $conf; true`)
	s.CT(s.p, 101, lab.CT{Hostname: "a", IP: "10.0.0.201/24"}) // no hook yet: it boots with .201
	s.OK(s.p.Start(101))
	s.OK(s.p.Set(101, "hookscript", "local:snippets/hook"))

	loaded, edited := make(chan struct{}), make(chan struct{})
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		switch at {
		case lab.ConfigLoaded:
			close(loaded)
			<-edited
		case lab.Hooked:
			close(edited)
		}
	}
	var off error
	var wg sync.WaitGroup
	wg.Go(func() { off = s.p.Poweroff(101) })
	<-loaded
	s.OK(s.p.Start(101))
	wg.Wait()
	s.Must(off)
	s.equal("address of the second boot", s.address(s.p, 101), "10.0.0.201/24")
	s.equal("order of hooks", s.phases(101), "pre-start post-stop post-start")
}

// Both were told that the container does not run.
func TestProxmoxTwoStarts(t *testing.T) {
	s := newSite(t, `[ -e $root/run/101 ] && note again; touch $root/run/101`)
	s.ct(101, "10.0.0.201/24")
	var asked sync.WaitGroup
	asked.Add(2)
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		if at == lab.Asked {
			asked.Done()
			asked.Wait()
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if task := s.p.Start(101); task.Err != nil {
				t.Error(task.Err)
			}
		})
	}
	wg.Wait()
	s.equal("order of hooks", s.phases(101), "pre-start post-start pre-start post-start")
	if task := s.p.Start(101); task.Err == nil || !strings.Contains(task.Err.Error(), "already running") {
		t.Errorf("a third start: %v", task.Err)
	}
}

func TestProxmoxLockTimeout(t *testing.T) {
	s := newSite(t, `[ $phase = pre-start ] && { touch $root/run/inside; while [ ! -e $root/run/go ]; do sleep 0.01; done; }; true`)
	s.ct(101, "manual")
	s.p.LockTimeout = 50 * time.Millisecond
	first := make(chan lab.Task, 1)
	go func() { first <- s.p.Start(101) }()
	await(t, func() bool { _, err := os.Stat(s.tree.Path("pve1", "/run/inside")); return err == nil })

	task := s.p.Set(101, "swap", "0")
	if task.Err == nil || !strings.Contains(task.Err.Error(), "can't lock file") || !strings.Contains(task.Log, "trying to acquire lock...") {
		t.Errorf("a second task: %v\n%s", task.Err, task.Log)
	}
	s.Must(os.WriteFile(s.tree.Path("pve1", "/run/go"), nil, 0o644))
	s.OK(<-first)
	s.OK(s.p.Set(101, "swap", "0"))
}

// A stopped task: the worker is dead and its lock free, the hook lives on.
func TestProxmoxStopTask(t *testing.T) {
	s := newSite(t, `
[ $phase = pre-start ] || exit 0
trap '' TERM
parent() { sed "s/.*) . //; s/ .*//" /proc/$$/stat; }
note task $PPID
note pid $$
while [ $(parent) = $PPID ]; do sleep 0.01; done
flock -n $lock true && note lock free
note orphan of $(parent)
while :; do sleep 0.01; done`)
	s.ct(101, "manual")
	task := make(chan lab.Task, 1)
	go func() { task <- s.p.Start(101) }()
	number := func(what string) (n int) {
		await(t, func() bool {
			for _, line := range s.seen(101) {
				if rest, ok := strings.CutPrefix(line, "pre-start "+what+" "); ok {
					n, _ = strconv.Atoi(rest)
				}
			}
			return n != 0
		})
		return n
	}
	worker, hook := number("task"), number("pid")
	s.p.StopTask(101)
	if got := <-task; got.Err == nil || s.p.Running(101) {
		t.Errorf("the task: %v, running %t", got.Err, s.p.Running(101))
	}
	if parent := number("orphan of"); parent == worker {
		t.Errorf("the hook %d still has its parent %d", hook, worker)
	}
	if !strings.Contains(strings.Join(s.seen(101), "\n"), "lock free") {
		t.Error("the lock is not free")
	}
	if !alive(hook) {
		t.Error("the hook has not survived")
	}
	s.Must(s.p.Close())
	await(t, func() bool { return !alive(hook) })
}

// A backup stops and starts without the lock, and marks the config meanwhile.
func TestProxmoxBackup(t *testing.T) {
	s := newSite(t, `
flock -n $lock true && note lock free || note lock held
note $(grep lock: $conf)`)
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.Backup(101))
	s.equal("a stopped container's hooks", s.phases(101), "")
	s.OK(s.p.Start(101))
	s.OK(s.p.Backup(101))
	s.equal("hooks", s.phases(101), "pre-start post-start pre-stop post-stop pre-start post-start")
	seen := strings.Join(s.seen(101), "\n")
	if strings.Count(seen, "lock held") != 2 || strings.Count(seen, "lock free") != 4 || strings.Count(seen, "lock: backup") != 4 {
		t.Errorf("the hooks saw:\n%s", seen)
	}
	s.equal("lock: afterwards", s.config("pve1", 101).Value("lock"), "")
	s.equal("address", s.address(s.p, 101), "10.0.0.201/24")
}

func TestProxmoxKill(t *testing.T) {
	s := newSite(t, "")
	s.Must(s.tree.WriteCT("pve1", 101, lab.Text("net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01\nhookscript: local:snippets/hook\n")))
	s.OK(s.p.Start(101))
	before, err := s.tree.ReadCT("pve1", 101)
	s.Must(err)
	s.p.Kill(101)
	after, err := s.tree.ReadCT("pve1", 101)
	s.Must(err)
	s.equal("config", after, before)
	s.equal("hooks", s.phases(101), "pre-start post-start")
	if s.p.Running(101) {
		t.Error("running after kill -9")
	}
	if _, err := s.p.Node.Interface("veth101i0"); err == nil {
		t.Error("its cable is still there")
	}
	s.OK(s.p.Start(101))
}

// Reboots: inside the guest no hook runs; "pct reboot" runs all.
func TestProxmoxReboot(t *testing.T) {
	s := newSite(t, "")
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.Start(101))
	first := s.p.Monitor(101)
	s.OK(s.p.SetPending(101, "net0", strings.Replace(s.config("pve1", 101).Value("net0"), ".201", ".202", 1)))
	s.equal("address before", s.address(s.p, 101), "10.0.0.201/24")
	s.Must(s.p.RebootInside(101))
	s.equal("address after", s.address(s.p, 101), "10.0.0.202/24")
	s.equal("hooks", s.phases(101), "pre-start post-start")
	if s.p.Monitor(101) == first {
		t.Error("the same lxc-start")
	}
	s.OK(s.p.Reboot(101))
	s.equal("hooks", s.phases(101), "pre-start post-start pre-stop post-stop pre-start post-start")
}

// await waits for something that a process does.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
