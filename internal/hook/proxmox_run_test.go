package hook_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// Poweroff inside the guest and a start at once: Proxmox writes back what it
// has read of the config, and our edit must come after that.
func TestEditSurvivesTheEndOfThePreviousRun(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	s.pools(lan + "\nreservation: 10.0.0.205\n\tguest 101\n") // so that there is something to edit
	loaded := make(chan struct{})
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		if at == lab.ConfigLoaded {
			close(loaded)
			time.Sleep(time.Second) // longer than a hook takes that doesn't wait
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Must(s.p.Poweroff(101)) })
	<-loaded
	s.log(s.p.Start(101)).says("CT 101 net0 has 10.0.0.205/24")
	wg.Wait()
	s.boots(101, "10.0.0.205/24")
	s.records("10.0.0.205 ct/101/net0 bound reserved")
}

// The old run's post-stop, which comes late, doesn't release what the new run
// has claimed.
func TestLatePostStopReleasesNothingOfTheNextRun(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	stopping, claimed := make(chan struct{}), make(chan struct{})
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		if at == lab.ConfigWritten {
			close(stopping)
			<-claimed
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Must(s.p.Poweroff(101)) })
	<-stopping
	// What the next start on this node would have stored, had it not waited.
	s.rewrite(func(l *lease.Lease) bool { l.Claim.ID, l.Claim.Up = "next", l.Claim.Up+hour; return true })
	close(claimed)
	wg.Wait()
	s.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestPreviousRunThatDoesNotEndFailsTheStart(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.settings(hasty)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	silent, over := make(chan struct{}), make(chan struct{})
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		if at == lab.Silent {
			close(silent)
			<-over
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Must(s.p.Poweroff(101)) })
	<-silent
	task := s.p.Start(101)
	result{t, 0, task.Log}.says("pve-iplease: error: the previous run of CT 101 is still stopping", "wait for it and start again")
	close(over)
	wg.Wait()
	s.records("10.0.0.200 ct/101/net0 released pool")
}

// Both tasks were told that the container doesn't run.
func TestSecondOfTwoStartsLeavesTheGuestAlone(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	var asked sync.WaitGroup
	asked.Add(2)
	s.p.Watch = func(_ pve.VMID, at lab.Step) {
		if at == lab.Asked {
			asked.Done()
			asked.Wait()
		}
	}
	logs := make(chan string, 2)
	for range 2 {
		go func() { logs <- s.p.Start(101).Log }()
	}
	result{t, 0, <-logs + <-logs}.says("CT 101 net0 has 10.0.0.200/24").says("CT 101 is running already: nothing to do").omits("ERROR")
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 bound pool")
}

// A backup in stop mode stops and starts without Proxmox's lock.
func TestBackupKeepsTheAddress(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	s.log(s.p.Backup(101)).says("CT 101 net0 has 10.0.0.200/24", "its lease since")
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestRebootInsideTheGuestKeepsTheLease(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	s.Must(s.p.RebootInside(101)) // runs no hook
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestKilledSupervisorLeavesTheLeaseBound(t *testing.T) {
	t.Parallel()
	s := newPVE(t, lan)
	s.put(ct{id: 101, ip: "manual"})
	s.OK(s.p.Start(101))
	s.p.Kill(101) // no post-stop
	s.records("10.0.0.200 ct/101/net0 bound pool")
	s.log(s.p.Start(101)).says("its lease since")
	s.boots(101, "10.0.0.200/24")
	s.OK(s.p.Stop(101))
	s.records("10.0.0.200 ct/101/net0 released pool")
}

// "Stop" in the task viewer: the worker dies at once, its lock is free, and
// the hook must not write any more.
func TestStoppedTaskLeavesTheConfigAlone(t *testing.T) {
	t.Parallel()
	s := newPVE(t, patient)
	ear, journal := s.ear("10.0.0.200"), s.journal()
	s.put(ct{id: 101, ip: "manual"})
	done := make(chan lab.Task, 1)
	go func() { done <- s.p.Start(101) }()
	s.asked(ear, "10.0.0.200")
	s.p.StopTask(101)
	if task := <-done; task.Err == nil {
		t.Errorf("the task went well:\n%s", task.Log)
	}
	s.OK(s.p.Set(101, "swap", "0"))                // the lock is free for others
	s.await("the hook's last words", func() bool { // nobody reads its task log any more
		return strings.HasSuffix(journal()["MESSAGE"], "net0 is unchanged")
	})
	conf, err := s.tree.Config("pve1", 101)
	s.Must(err)
	if got, want := conf.Value("net0"), (ct{id: 101, ip: "manual"}).net0(); got != want || conf.Value("swap") != "0" {
		t.Errorf("net0 is %q, want %q; swap is %q", got, want, conf.Value("swap"))
	}
}
