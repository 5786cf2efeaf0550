package lab_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// lease200 is a hook that gives the guest an address before it boots.
const lease200 = `
if [ $phase = pre-start ]; then
	sed -i 's|ip=manual|gw=10.0.0.1,ip=10.0.0.200/24|' $conf
fi`

func TestProxmoxLifecycle(t *testing.T) {
	s := newSite(t, lease200+`
note argv "$@"
note cwd $(pwd) uid $(id -u) umask $(umask) stdin $(wc -c)
note env $(tr '\0' ' ' < /proc/$$/environ)
note bridge $(ls /sys/class/net/vmbr0/brif)
flock -n $lock true && note lock free || note lock held
echo "out of $phase"
echo "err of $phase" >&2`)
	s.ct(101, "manual")

	log := s.OK(s.p.Start(101))
	for _, line := range []string{"out of pre-start\n", "err of pre-start\n", "out of post-start\n", "err of post-start\n", "TASK OK\n"} {
		if strings.Count(log, line) != 1 {
			t.Errorf("task log lacks %q:\n%s", line, log)
		}
	}
	s.equal("guest's address", s.address(s.p, 101), "10.0.0.200/24")
	guest, err := s.p.Guest(101)
	s.Must(err)
	if guest.Err != nil || guest.GatewayMAC.IsZero() {
		t.Errorf("gateway: %v %v", guest.GatewayMAC, guest.Err)
	}

	log = s.OK(s.p.Stop(101))
	if !strings.Contains(log, "out of pre-stop") || strings.Contains(log, "of post-stop") {
		t.Errorf("log of the stop:\n%s", log)
	}
	if _, err := s.p.Guest(101); err == nil || s.p.Running(101) || s.p.Monitor(101) != 0 {
		t.Errorf("stopped: %v, running %t, lxc-start %d", err, s.p.Running(101), s.p.Monitor(101))
	}
	root := s.tree.Root("pve1")
	want := []string{}
	for _, phase := range []string{"pre-start", "post-start", "pre-stop", "post-stop"} {
		ports := "eno1"
		if phase == "post-start" || phase == "pre-stop" {
			ports += " veth101i0"
		}
		want = append(
			want, phase+" begins", phase+" argv --root "+root+" 101 "+phase, phase+" cwd / uid 0 umask 0022 stdin 0",
			phase+" env PATH=/sbin:/bin:/usr/sbin:/usr/bin LC_ALL=C", phase+" bridge "+ports, phase+" lock held",
		)
	}
	if diff := cmp.Diff(want, s.seen(101)); diff != "" {
		t.Errorf("what the hook saw (-want +got):\n%s", diff)
	}
}

func TestProxmoxGuestsReachEachOther(t *testing.T) {
	s := newSite(t, "")
	s.ct(101, "10.0.0.201/24")
	s.ct(102, "10.0.0.202/24")
	s.ct(103, "10.0.0.201/24")
	for _, id := range []pve.VMID{101, 102, 103} {
		s.OK(s.p.Start(id))
	}
	guest := func(id pve.VMID) *lab.Guest {
		g, err := s.p.Guest(id)
		s.Must(err)
		return g
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := guest(101).Reach(ctx, guest(102)); err != nil {
		t.Error(err)
	}
	// Two with one address: whichever answers, for one of them it is wrong.
	if a, b := guest(102).Reach(ctx, guest(101)), guest(102).Reach(ctx, guest(103)); (a == nil) == (b == nil) {
		t.Errorf("of two guests with one address: %v, %v", a, b)
	}
}

func TestProxmoxRefusals(t *testing.T) {
	s := newSite(t, `[ $phase = pre-stop ] || exit 7`)
	plain := lab.CT{Hostname: "x", MAC: lab.RandomMAC(), IP: "manual"}
	with := func(tail string, change func(*lab.CT)) lab.CT {
		c := plain
		c.Tail = tail
		if change != nil {
			change(&c)
		}
		return c
	}
	tests := map[pve.VMID]struct {
		ct   lab.CT
		want string
	}{
		110: {with("", func(c *lab.CT) { c.Hook = "hook" }), "hookscript error for 110 on pre-start: command '"},
		111: {with("", func(c *lab.CT) { c.Hook = "gone" }), "script 'local:snippets/gone' does not exist"},
		112: {with("template: 1\n", nil), "you can't start a CT if it's a template"},
		113: {with("lock: backup\n", nil), "CT is locked (backup)"},
		114: {with("", func(c *lab.CT) { c.Bridge = "vmbr9" }), "startup for container '114' failed"},
		115: {with("", func(c *lab.CT) { c.IP = "10.0.0.5" }), "startup for container '115' failed"},
	}
	for id, tt := range tests {
		s.CT(s.p, id, tt.ct)
		task := s.p.Start(id)
		if task.Err == nil || !strings.Contains(task.Err.Error(), tt.want) || !strings.Contains(task.Log, "TASK ERROR: ") {
			t.Errorf("CT %s: %v\n%s", id, task.Err, task.Log)
		}
		if s.p.Running(id) || s.p.Monitor(id) != 0 {
			t.Errorf("CT %s lives", id)
		}
	}
	if task := s.p.Start(110); !strings.HasSuffix(task.Err.Error(), "110 pre-start' failed: exit code 7") {
		t.Errorf("wording: %v", task.Err)
	}
	if task := s.p.Start(999); task.Err == nil {
		t.Error("no such container, but it starts")
	}
}

// Only pre-start can refuse.
func TestProxmoxLaterHooksOnlyWarn(t *testing.T) {
	s := newSite(t, `[ $phase = pre-start ] || kill -9 $$`)
	s.ct(101, "manual")
	if log := s.OK(s.p.Start(101)); !strings.Contains(log, "101 on post-start: ") || !strings.Contains(log, "got signal 9") {
		t.Errorf("log: %s", log)
	}
	s.OK(s.p.Stop(101))
	s.equal("phases", s.phases(101), "pre-start post-start pre-stop post-stop")
	if task := s.p.Stop(101); task.Err == nil {
		t.Error("stopped twice")
	}
}

// What a stopping container looks like from its node, and what its post-stop
// hook runs under.
func TestProxmoxStopping(t *testing.T) {
	s := newSite(t, `
if [ $phase = post-stop ]; then
	pid=$$
	while [ $pid -gt 1 ]; do
		note above "$(tr '\0' ' ' < /proc/$pid/cmdline)"
		pid=$(sed 's/.*) . //; s/ .*//' /proc/$pid/stat)
	done
fi`)
	s.ct(101, "manual")
	sockets := func() (text string) {
		s.Must(s.p.Node.Do(func() error {
			data, err := os.ReadFile("/proc/thread-self/net/unix")
			text = string(data)
			return err
		}))
		return text
	}
	var silent bool
	s.p.Watch = func(id pve.VMID, at lab.Step) {
		if at != lab.Silent {
			return
		}
		silent = !strings.Contains(sockets(), "@/var/lib/lxc/101/command")
		name, err := os.Readlink("/proc/" + pve.VMID(s.p.Monitor(id)).String() + "/exe")
		if err != nil || filepath.Base(name) != "lxc-start" {
			t.Errorf("lxc-start while it stops: %q, %v", name, err)
		}
	}
	s.OK(s.p.Start(101))
	if !strings.Contains(sockets(), "@/var/lib/lxc/101/command") {
		t.Error("running without a command socket")
	}
	s.OK(s.p.Stop(101))
	if !silent {
		t.Error("the socket outlives the container")
	}
	above := strings.Join(s.seen(101), "\n")
	if !strings.Contains(above, "above /usr/bin/lxc-start -F -n 101") || strings.Contains(above, "task UPID") {
		t.Errorf("above the post-stop hook:\n%s", above)
	}
}
