package hook_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// proxmoxHost is a host on which Proxmox starts and stops containers, with this
// program as their hookscript.
type proxmoxHost struct {
	*host
	p  *lab.Proxmox
	gw *lab.Host
}

func newPVE(t testing.TB, pools string) *proxmoxHost {
	t.Helper()
	h := newHost(t, pools)
	h.Must(h.tree.InstallHook(program, h.bin+"/"+program))
	return &proxmoxHost{h, h.Proxmox(h.tree, h.node), h.Host(h.lan, "10.0.0.1/24")}
}

// second is another node of the cluster, on the same network.
func (s *proxmoxHost) second() *proxmoxHost {
	s.t.Helper()
	h := s.peer("pve2", s.lan)
	return &proxmoxHost{h, h.Proxmox(h.tree, h.node), s.gw}
}

// boots fails the test unless the running guest has this address, and reaches
// its gateway with it.
func (s *proxmoxHost) boots(id pve.VMID, want string) *lab.Guest {
	s.t.Helper()
	g, err := s.p.Guest(id)
	s.Must(err)
	got, err := g.Address()
	s.Must(err)
	if got != netip.MustParsePrefix(want) {
		s.t.Errorf("CT %s booted with %s, want %s", id, got, want)
	}
	if g.Err != nil || g.GatewayMAC != s.gw.MAC {
		s.t.Errorf("CT %s: %s answers for its gateway, %v", id, g.GatewayMAC, g.Err)
	}
	return g
}

// log is a task's outcome as a result, to be read as the hook's own.
func (s *proxmoxHost) log(t lab.Task) result {
	s.t.Helper()
	return result{s.t, 0, s.OK(t)}
}

func TestGuestBootsWithItsLease(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "dhcp"})
	s.log(s.p.Start(101)).says("pve-iplease: CT 101 net0 has 10.0.0.200/24 via 10.0.0.1 from pool lan (lowest free address; nobody answered")
	s.log(s.p.Start(102)).says("pve-iplease: CT 102 net0 has 10.0.0.201/24")
	a, b := s.boots(101, "10.0.0.200/24"), s.boots(102, "10.0.0.201/24")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s.Must(a.Reach(ctx, b))
	s.Must(b.Reach(ctx, a))

	s.log(s.p.Stop(101)).omits("pve-iplease")
	s.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/102/net0 bound pool")
	s.log(s.p.Start(101)).says("its lease since")
	s.boots(101, "10.0.0.200/24")
	s.log(s.p.Reboot(101)).says("its lease since")
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

func TestRefusedGuestDoesNotBoot(t *testing.T) {
	t.Parallel()
	s := newPVE(t, section("lan", "range 10.0.0.200", "probe fast"))
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	s.OK(s.p.Start(101))
	task := s.p.Start(102)
	result{t, 0, task.Log}.says(`pve-iplease: error: pool "lan" has no free address`).says("TASK ERROR: hookscript error for 102 on pre-start", "exit code 4")
	if s.p.Running(102) || task.Err == nil {
		t.Errorf("running %t, %v", s.p.Running(102), task.Err)
	}
}

func TestCloneAndItsOriginTalk(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	s.OK(s.p.Clone(101, 102, "clone"))
	s.log(s.p.Start(102)).says("10.0.0.200, which net0 names, is leased to CT 101").says("CT 102 net0 has 10.0.0.201/24")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s.Must(s.boots(101, "10.0.0.200/24").Reach(ctx, s.boots(102, "10.0.0.201/24")))
}

func TestRestoreOverItselfKeepsTheAddress(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	backup := s.read(s.confPath(101)) // of before the first start
	s.OK(s.p.Start(101))
	s.OK(s.p.Stop(101))
	s.OK(s.p.Restore(101, backup, true)) // with a new MAC
	s.log(s.p.Start(101)).says("CT 101 net0 has 10.0.0.200/24", "its lease since")
	s.boots(101, "10.0.0.200/24")
}

func TestRollbackWhileAnotherHasTheAddress(t *testing.T) {
	t.Parallel()
	s := newPVE(t, section("lan", "range 10.0.0.200-10.0.0.201", "hold 1s", "probe fast"))
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
	s.OK(s.p.Start(101))
	s.OK(s.p.Snapshot(101, "before"))
	s.OK(s.p.Start(102))
	s.OK(s.p.Stop(101))
	s.rewrite(func(l *lease.Lease) bool {
		if l.Owner.VMID == 101 {
			l.Since = l.Since.Add(-hour)
		}
		return true
	})
	s.log(s.p.Start(103)).says("CT 103 net0 has 10.0.0.200/24", "nothing better is left")
	s.OK(s.p.Rollback(101, "before"))
	s.pools(section("lan", "range 10.0.0.200-10.0.0.202", "hold 1s", "probe fast"))
	s.log(s.p.Start(101)).says("10.0.0.200, which net0 names, is leased to CT 103").says("CT 101 net0 has 10.0.0.202/24")
	s.boots(103, "10.0.0.200/24")
	s.boots(101, "10.0.0.202/24")
}

func TestPendingAddressIsAdoptedWhenProxmoxAppliesIt(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	s.OK(s.p.Start(101))
	s.OK(s.p.SetPending(101, "net0", ct{id: 101, ip: "10.0.0.201/24", gw: "10.0.0.1"}.net0()))
	s.log(s.p.Start(102)).says("CT 102 net0 has 10.0.0.202/24") // .201 is named already
	s.OK(s.p.Stop(101))
	s.log(s.p.Start(101)).says("CT 101 net0 has 10.0.0.201/24")
	s.boots(101, "10.0.0.201/24")
	s.records("10.0.0.201 ct/101/net0 bound pool", "10.0.0.202 ct/102/net0 bound pool")
}

func TestDestroyedGuestsAddressIsNotGivenAwayAtOnce(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	s.OK(s.p.Start(101))
	s.OK(s.p.Stop(101))
	s.OK(s.p.Destroy(101))
	s.log(s.p.Start(102)).says("CT 102 net0 has 10.0.0.201/24")
	// The VMID is used again: by whom is not for us to tell.
	s.put(ct{id: 101, ip: "manual"})
	s.log(s.p.Start(101)).says("CT 101 net0 has 10.0.0.200/24")
	s.boots(101, "10.0.0.200/24")
}
