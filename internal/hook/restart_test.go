package hook_test

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/ledger"
)

// outage is how long a pmxcfs that restarts is away: half of it dead, half of
// it not mounted. The real one takes 1 to 3 s.
const outage = 1200 * time.Millisecond

// restart takes a node's pmxcfs away and brings it back, as an upgrade of
// pve-cluster does.
func (h *host) restart(n *pmxcfs.Node) {
	h.t.Helper()
	h.Must(n.Crash())
	time.Sleep(outage / 2)
	h.Must(n.Unmount())
	time.Sleep(outage / 2)
	h.Must(n.Restart())
}

// While pmxcfs restarts nothing can be read of what is below /etc/pve, and a
// start waits for it, whatever it is about to read or write.
func TestStartsWhilePmxcfsRestarts(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*host, *pmxcfs.Node) *running{
		"in the probe window": func(h *host, n *pmxcfs.Node) *running {
			ear := h.ear("10.0.0.200")
			r := h.launch(h.command(program, h.call(101, "pre-start")...))
			h.asked(ear, "10.0.0.200")
			h.restart(n)
			return r
		},
		"before everything": func(h *host, n *pmxcfs.Node) *running {
			h.Must(n.Crash())
			r := h.launch(h.command(program, h.call(101, "pre-start")...))
			time.Sleep(outage / 2)
			h.Must(n.Restart())
			return r
		},
		"before everything, not mounted": func(h *host, n *pmxcfs.Node) *running {
			h.write("/var/lib/pve-cluster/config.db", "")
			h.Must(n.Unmount())
			r := h.launch(h.command(program, h.call(101, "pre-start")...))
			time.Sleep(outage / 2)
			h.Must(n.Restart())
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFederation(t, wired, 2)
			h := c.hosts[0]
			h.gateway()
			h.put(ct{id: 101, ip: "manual"})
			begin(h, c.Node("pve1")).wait().exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").omits("warning", "error")
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}

// At each call that a start makes on /etc/pve pmxcfs goes away: whatever was
// done by then, the start goes on when it is back.
func TestStartsThatLosePmxcfsAtAnyCall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	c := newFederation(t, lan, 2)
	c.hosts[0].gateway()
	for _, call := range []string{"lookup", "open", "read", "create", "write", "rename", "mkdir", "rmdir", "utime"} {
		for nth := int64(1); c.loses(call, nth); nth += 1 + nth/3 {
			if t.Failed() {
				t.Fatalf("at %s number %d", call, nth)
			}
		}
	}
}

// loses starts a container for the first time, and takes pmxcfs away at the nth
// call of a kind, which is done every other time; it reports whether there was
// such a call.
func (c *federation) loses(call string, nth int64) bool {
	h, n := c.hosts[0], c.Node("pve1")
	h.t.Helper()
	h.Must(removeAll(h.path(ledgerDir)))
	h.Must(os.RemoveAll(h.path(ledger.UsedPath)))
	h.Must(os.RemoveAll(h.path("/run/pve-iplease")))
	h.put(ct{id: 101, ip: "manual"})
	var seen atomic.Int64
	back := make(chan struct{})
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		if o.Node != n.Name() || o.Call != call || seen.Add(1) != nth {
			return pmxcfs.Fault{}
		}
		go func() {
			defer close(back)
			if err := errors.Join(n.Crash(), n.Restart()); err != nil {
				h.t.Error(err)
			}
		}()
		return pmxcfs.Fault{Errno: syscall.ENOTCONN, Applied: nth%2 == 0}
	})
	r := h.launch(h.command(program, h.call(101, "pre-start")...)).wait()
	c.Intercept(nil)
	if seen.Load() < nth {
		return false
	}
	<-back
	r.exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").omits("warning", "error")
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	h.records("10.0.0.200 ct/101/net0 bound pool")
	return true
}

// A hook that was killed with the lock keeps nobody waiting once any command was
// called on its node, be it one that only looks.
func TestAnyCommandClearsTheLockOfAKilledHook(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 2)
	one, two := c.hosts[0], c.hosts[1]
	one.put(ct{id: 101, ip: "manual"})
	two.put(ct{id: 102, ip: "manual"})
	c.Intercept(func(o pmxcfs.Op) pmxcfs.Fault {
		if o.Node != "pve1" || o.Call != "rmdir" {
			return pmxcfs.Fault{}
		}
		_ = syscall.Kill(int(o.PID), syscall.SIGKILL)
		return pmxcfs.Fault{Errno: syscall.EINTR}
	})
	one.launch(one.command(program, one.call(101, "pre-start")...)).end().exits(-1)
	c.Intercept(nil)
	lock := one.path("/etc/pve/priv/lock/pve-iplease") // the other node may see it for a second more
	if _, err := os.Stat(lock); err != nil {
		t.Fatalf("the killed hook left no lock: %v", err)
	}
	two.launch(two.command(commands, "--root", two.root, "list")).end().exits(hook.OK)
	if _, err := os.Stat(lock); err != nil {
		t.Errorf("a command of another node took the lock away: %v", err)
	}
	one.launch(one.command(commands, "--root", one.root, "list")).end().exits(hook.OK)
	if _, err := os.Stat(lock); err == nil {
		t.Error("the lock is still there")
	}
	two.launch(two.command(program, two.call(102, "pre-start")...)).wait().exits(hook.OK).says("CT 102 net0 has 10.0.0.201/24").omits("waits")
}
