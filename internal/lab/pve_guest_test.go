package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pve-iplease/internal/pve"
)

func TestProxmoxPendingAtStart(t *testing.T) {
	s := newSite(t, `note $(grep ^cores $conf)`)
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.SetPending(101, "cores", "4"))
	s.OK(s.p.SetPending(101, "delete", "swap"))
	s.OK(s.p.Start(101))
	if got := s.seen(101); len(got) < 2 || got[1] != "pre-start cores: 4" {
		t.Errorf("pre-start saw %q", got)
	}
	text, err := s.tree.ReadCT("pve1", 101)
	s.Must(err)
	if strings.Contains(text, "pending") || strings.Contains(text, "swap") {
		t.Errorf("config:\n%s", text)
	}
}

// Every stop rewrites the config as Proxmox prints it.
func TestProxmoxStopSortsConfig(t *testing.T) {
	s := newSite(t, "")
	s.ct(101, "manual")
	text, err := s.tree.ReadCT("pve1", 101)
	s.Must(err)
	file := filepath.Join(s.tree.Root("pve1"), "etc/pve/lxc/101.conf")
	s.Must(os.WriteFile(file, []byte("swap: 1\n"+text+"#last\n"), 0o640))
	s.OK(s.p.Start(101))
	s.OK(s.p.Stop(101))
	got, err := s.tree.ReadCT("pve1", 101)
	s.Must(err)
	s.equal("config", got, "#last\n"+text)
}

func TestProxmoxCloneAndRestore(t *testing.T) {
	s := newSite(t, "")
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.Snapshot(101, "before"))
	s.OK(s.p.Clone(101, 102, "copy"))
	old, clone := s.config("pve1", 101), s.config("pve1", 102)
	s.equal("clone's ip", clone.Net("net0")["ip"], "10.0.0.201/24")
	s.equal("clone's hook", clone.Value("hookscript"), old.Value("hookscript"))
	s.equal("clone's name", clone.Value("hostname"), "copy")
	if clone.Net("net0")["hwaddr"] == old.Net("net0")["hwaddr"] || strings.Contains(clone.String(), "before") {
		t.Errorf("clone:\n%s", clone)
	}

	backup := old.String()
	s.OK(s.p.Destroy(101))
	if task := s.p.Start(101); task.Err == nil {
		t.Error("a destroyed container starts")
	}
	s.OK(s.p.Restore(101, backup, false))
	s.equal("restored", s.config("pve1", 101).Value("net0"), old.Value("net0"))
	s.OK(s.p.Restore(101, backup, true))
	unique := s.config("pve1", 101).Net("net0")
	s.equal("unique's ip", unique["ip"], "10.0.0.201/24")
	if unique["hwaddr"] == old.Net("net0")["hwaddr"] {
		t.Error("the restored container has the old MAC")
	}
}

func TestProxmoxRollback(t *testing.T) {
	s := newSite(t, "")
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.Snapshot(101, "before"))
	if task := s.p.Snapshot(101, "before"); task.Err == nil {
		t.Error("two snapshots of one name")
	}
	s.OK(s.p.Set(101, "net0", strings.Replace(s.config("pve1", 101).Value("net0"), ".201", ".202", 1)))
	s.OK(s.p.Start(101))
	s.equal("address", s.address(s.p, 101), "10.0.0.202/24")
	if task := s.p.Destroy(101); task.Err == nil {
		t.Error("a running container was destroyed")
	}
	s.OK(s.p.Rollback(101, "before"))
	s.equal("hooks", s.phases(101), "pre-start post-start pre-stop post-stop")
	s.OK(s.p.Start(101))
	s.equal("address after", s.address(s.p, 101), "10.0.0.201/24")
	if task := s.p.Rollback(101, "never"); task.Err == nil {
		t.Error("rolled back to nothing")
	}
}

func TestProxmoxMigrate(t *testing.T) {
	s := newSite(t, `note $(basename $root)`)
	other := s.node("pve2")
	s.ct(101, "10.0.0.201/24")
	s.OK(s.p.Migrate(101, other))
	s.equal("hooks of a stopped one", s.phases(101), "")
	s.OK(other.Start(101))
	s.OK(other.Migrate(101, s.p))
	s.equal("address", s.address(s.p, 101), "10.0.0.201/24")
	if other.Running(101) {
		t.Error("running on both nodes")
	}
	var where []string
	for _, line := range s.seen(101) {
		if !strings.HasSuffix(line, "begins") {
			where = append(where, line)
		}
	}
	s.equal("where the hooks ran", strings.Join(where, ", "),
		"pre-start pve2, post-start pve2, pre-stop pve2, post-stop pve2, pre-start pve1, post-start pve1")
}

// Many at once, as after a node's boot.
func TestProxmoxManyStarts(t *testing.T) {
	s := newSite(t, "")
	ids := []pve.VMID{}
	for i := range pve.VMID(20) {
		ids = append(ids, 200+i)
		s.ct(200+i, "10.0.0."+(100+i).String()+"/24")
	}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if task := s.p.Start(id); task.Err != nil {
				t.Errorf("CT %s: %v\n%s", id, task.Err, task.Log)
			}
		})
	}
	wg.Wait()
	for i, id := range ids {
		s.equal("address of CT "+id.String(), s.address(s.p, id), "10.0.0."+pve.VMID(100+i).String()+"/24")
	}
}
