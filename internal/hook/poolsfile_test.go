package hook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
)

// Many people on two nodes change the pools file at once, and nobody's change
// is lost.
func TestPoolsFileHasManyEditors(t *testing.T) {
	t.Parallel()
	const each = 8
	c := newFederation(t, lan, 2)
	var all []*running
	for i := range each {
		for n, h := range c.hosts {
			addr := fmt.Sprintf("10.0.0.%d", 100+10*n+i)
			all = append(all, h.launch(h.command(commands, "--root", h.root, "reserve", addr, "--comment", "of pve"+fmt.Sprint(n+1))))
		}
	}
	for _, r := range all {
		r.end().exits(hook.OK).says("is reserved")
	}
	text := c.hosts[0].read("/etc/pve/pve-iplease/pools.cfg")
	got, problems := config.Parse("pools.cfg", []byte(text))
	if len(got.Reservations) != 2*each || len(problems) > 0 || !strings.HasPrefix(text, lan) {
		t.Errorf("%d reservations, problems %v\n%s", len(got.Reservations), problems, text)
	}
	if other := c.hosts[1].read("/etc/pve/pve-iplease/pools.cfg"); other != text {
		t.Errorf("the other node reads\n%s", other)
	}
}

// Without quorum nothing is changed, and the reason is told.
func TestPoolsFileWithoutQuorum(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 3)
	c.Stall(50 * time.Millisecond)
	c.Partition(c.Node("pve1"))
	one := c.hosts[0]
	one.launch(one.command(commands, "--root", one.root, "reserve", "10.0.0.9")).end().exits(hook.Locked).says("no quorum")
	c.Heal()
	one.launch(one.command(commands, "--root", one.root, "reserve", "10.0.0.9")).end().exits(hook.OK)
	if text := c.hosts[2].read("/etc/pve/pve-iplease/pools.cfg"); !strings.HasSuffix(text, "\n\nreservation: 10.0.0.9\n") {
		t.Errorf("the file is %q", text)
	}
}

// A pool whose addresses are leased does not go by accident.
func TestPoolsFileKeepsAPoolThatIsLeased(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	remove := []string{"--root", h.root, "pool", "remove", "lan"}
	h.launch(h.command(commands, remove...)).end().exits(hook.Failed).
		says("pool lan: 10.0.0.200 is leased to CT 101; '--yes' removes it all the same")
	h.launch(h.command(commands, "--root", h.root, "reserve", "10.0.0.200", "--guest", "102")).end().exits(hook.OK).
		says("warning: 10.0.0.200 is leased to CT 101, which keeps it until its next start and then gets another")
	h.launch(h.command(commands, append(remove, "--yes")...)).end().exits(hook.OK)
	if text := h.read("/etc/pve/pve-iplease/pools.cfg"); strings.Contains(text, "pool") {
		t.Errorf("the file is %q", text)
	}
}
