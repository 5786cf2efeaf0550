package hook_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/cli"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// lives says which test shows a row of the life cycle in README.md, chapter
// "In a cluster": the first of its name, or a turn of TestLifeCycle.
func lives() map[string][]string {
	turn := func(names ...string) []string {
		for i := range names {
			names[i] = "turn " + names[i]
		}
		return names
	}
	return map[string][]string{
		"first start": {"TestGuestBootsWithItsLease"},
		"stop, shutdown, poweroff inside the guest":              {"TestGuestBootsWithItsLease"},
		"reboot by Proxmox":                                      {"TestGuestBootsWithItsLease"},
		"reboot inside the guest":                                {"TestRebootInsideTheGuestKeepsTheLease"},
		"backup in stop mode":                                    {"TestBackupKeepsTheAddress"},
		"supervisor killed, power loss, fencing":                 {"TestKilledSupervisorLeavesTheLeaseBound"},
		"migration of a stopped container":                       turn("migration of a stopped guest"),
		"migration with a restart":                               {"TestMigrationTakesTheAddressAlong"},
		"recovery by HA after its node died":                     {"TestTakeoverByAnotherNodeTakesTheAddressAlong"},
		"post-stop of the dead node, late":                       {"TestMigratedContainerKeepsItsLease", "TestLatePostStopAfterRecoveryElsewhere"},
		"post-stop of an earlier run, late":                      {"TestLatePostStopAgainstTheNextPreStart"},
		"restore over the container itself":                      append(turn("restore over it of a backup with another address"), "TestRestoreOverItselfKeepsTheAddress"),
		"restore as a new container, with `--unique` or without": append(turn("restore as a new one, --unique"), "TestRestoredBackupUnderAnotherIDGetsAnAddressOfItsOwn"),
		"clone of a running or stopped container":                append(turn("clone of a stopped guest"), "TestCloneAndItsOriginTalk"),
		"made a template":                                        turn("made a template"),
		"rollback":                                               {"TestRollbackWhileAnotherHasTheAddress", "TestRollbackToAFreeAddressInRangeTakesItBack"},
		"destroyed":                                              {"TestLeaseOfADestroyedGuestIsTakenADayAfterItWasMissedFirst"},
		"VMID used again for a new container":                    turn("VMID reused for a new guest"),
		"destroyed and created again while `reclaim` runs":       turn("destroyed and created again during reclaim"),
		"hook detached":                                          {"TestRemovedPackageAndGuestWithoutHooks"},
		"package removed, hook still attached":                   {"TestRemovedPackageAndGuestWithoutHooks"},
		"started without hooks":                                  {"TestRemovedPackageAndGuestWithoutHooks"},
		"started without quorum":                                 {"TestWithoutQuorum", "TestGuestThatRunsWithAReleasedLease"},
		"`acquire`, then create":                                 turn("acquire, then create"),
		"`release`":                                              turn("release"),
		"`move IP --to VMID`":                                    turn("move"),
		"pool edited":                                            {"TestPoolThatChanges"},
		"two configs name one static address":                    {"TestStaticAddressThatTwoConfigsName"},
		"a node joins":                                           turn("a node joins"),
		"a node leaves":                                          {"TestNodeThatLeftItsCluster"},
		"the clock of a node jumps":                              turn("clock of a node ahead"),
	}
}

// TestEveryRowOfTheLifeCycleHasATest: the manual promises nothing that no test
// shows.
func TestEveryRowOfTheLifeCycleHasATest(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, found := strings.Cut(string(readme), "\n### The life of a lease\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	known, tests := lives(), sources(t)
	rows := 0
	for line := range strings.Lines(chapter) {
		row := strings.Split(line, " | ")
		event := strings.TrimPrefix(row[0], "| ")
		if len(row) != 2 || event == "event" {
			continue
		}
		rows++
		if len(known[event]) == 0 {
			t.Errorf("no test is named for %q", event)
		}
		for _, name := range known[event] {
			_, isTurn := turns()[strings.TrimPrefix(name, "turn ")]
			if !isTurn && !strings.Contains(tests, "\nfunc "+name+"(t *testing.T)") {
				t.Errorf("%s: there is no %s", event, name)
			}
		}
	}
	if !found || rows != len(known) {
		t.Errorf("the manual has %d rows, %d have tests", rows, len(known))
	}
}

// sources are all tests of this package.
func sources(t *testing.T) (all string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

// turn is something that happens in the life of CT 101, which runs on pve1
// with 10.0.0.200, and what the ledger says afterwards, on every node.
type turn struct {
	pools  string
	happen func(one, two *host)
	want   []string
}

// tight is a pool with a single address, which is not kept for long.
var tight = section("lan", "range 10.0.0.200", "hold 1h", "probe fast")

func turns() map[string]turn {
	return map[string]turn{
		"migration of a stopped guest": {happen: func(one, two *host) {
			one.down(101)
			one.migrate(101, two)
			two.up(101).says("10.0.0.200/24", "its lease since")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool"}},
		"restore over it of a backup with another address": {happen: func(one, _ *host) {
			one.down(101)
			one.put(ct{id: 101, ip: "10.0.0.205/24", gw: "10.0.0.1"})
			one.up(101).says("CT 101 net0 has 10.0.0.205/24")
		}, want: []string{"10.0.0.205 ct/101/net0 bound pool"}},
		"restore as a new one, --unique": {happen: func(one, two *host) {
			one.down(101)
			two.put(ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			two.up(102).says("10.0.0.200, which net0 names, is kept for CT 101").says("CT 102 net0 has 10.0.0.201/24")
		}, want: []string{"10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/102/net0 bound pool"}},
		"clone of a stopped guest": {happen: func(one, _ *host) {
			one.down(101)
			one.put(ct{id: 102, ip: "10.0.0.200/24", gw: "10.0.0.1"})
			one.up(102).says("CT 102 net0 has 10.0.0.201/24")
			one.up(101).says("10.0.0.200/24", "its lease since")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool"}},
		"VMID reused for a new guest": {happen: func(one, two *host) {
			one.down(101)
			one.destroy(101)
			two.put(ct{id: 101, ip: "manual", mac: pve.MAC{0xbc, 0x24, 0x11, 9, 9, 9}})
			two.up(101).says("CT 101 net0 has 10.0.0.200/24")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool"}},
		"destroyed and created again during reclaim": {happen: recreated, want: []string{"10.0.0.200 ct/101/net0 bound pool"}},
		"made a template": {happen: func(one, _ *host) {
			one.down(101)
			one.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", more: "template: 1\n"})
			one.put(ct{id: 103, ip: "10.0.0.201/24", more: "template: 1\n"}, ct{id: 102, ip: "10.0.0.200/24"})
			one.up(102).says("CT 102 net0 has 10.0.0.201/24") // what only a template names is free
		}, want: []string{"10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/102/net0 bound pool"}},
		"acquire, then create": {happen: func(one, two *host) {
			two.admin("acquire", "102").exits(hook.OK).says("10.0.0.201/24")
			two.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 offered pool")
			one.put(ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"})
			one.up(102).says("CT 102 net0 has 10.0.0.201/24")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool"}},
		"release": {pools: tight, happen: func(one, two *host) {
			one.down(101)
			two.put(ct{id: 102, ip: "manual"})
			two.launch(two.command(program, two.call(102, "pre-start")...)).wait().exits(hook.Exhausted)
			two.admin("release", "101").exits(hook.Failed).says("guest 101 is on node pve1", "run the command there")
			one.admin("release", "101").exits(hook.OK).says("10.0.0.200 is no longer kept for ct/101/net0")
			two.up(102).says("CT 102 net0 has 10.0.0.200/24")
		}, want: []string{"10.0.0.200 ct/102/net0 bound pool"}},
		"move": {happen: func(one, two *host) {
			one.put(ct{id: 102, ip: "manual"})
			one.down(101)
			one.admin("move", "10.0.0.200", "--to", "102").exits(hook.OK)
			one.up(102).says("CT 102 net0 has 10.0.0.200/24")
			one.up(101).says("CT 101 net0 has 10.0.0.201/24")
		}, want: []string{"10.0.0.200 ct/102/net0 bound pool", "10.0.0.201 ct/101/net0 bound pool"}},
		"clock of a node ahead": {pools: tight, happen: func(one, two *host) {
			one.down(101)
			one.rewrite(func(l *lease.Lease) bool {
				l.Since, l.Claim.At = l.Since.Add(1000*hour), l.Claim.At.Add(1000*hour)
				return true
			})
			two.put(ct{id: 102, ip: "manual"})
			two.launch(two.command(program, two.call(102, "pre-start")...)).wait().exits(hook.Exhausted) // it stopped just now
			one.up(101).says("CT 101 net0 has 10.0.0.200/24", "its lease since")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool"}},
		"a node joins": {happen: func(_, two *host) { // its first use of the ledger
			two.put(ct{id: 102, ip: "manual"})
			two.up(102).says("CT 102 net0 has 10.0.0.201/24")
		}, want: []string{"10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool"}},
	}
}

func TestLifeCycle(t *testing.T) {
	t.Parallel()
	for name, e := range turns() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pools := e.pools
			if pools == "" {
				pools = lan
			}
			c := newFederation(t, pools, 2)
			one, two := c.hosts[0], c.hosts[1]
			one.put(ct{id: 101, ip: "manual"})
			one.up(101).says("CT 101 net0 has 10.0.0.200/24")
			e.happen(one, two)
			for _, h := range c.hosts {
				h.records(e.want...)
			}
		})
	}
}

// recreated is CT 101, gone for a day, that comes back while reclaim asks the
// network for its address.
func recreated(one, two *host) {
	one.down(101)
	one.destroy(101)
	two.admin("reclaim").exits(hook.OK).says("10.0.0.200", "kept", "not for 24 hours yet")
	one.amend(func(l *lease.Lease) { l.Missing = l.Missing.Add(-25 * hour) })
	ear := one.ear("10.0.0.200")
	reclaim := two.launch(two.command(commands, "--root", two.root, "reclaim"))
	one.asked(ear, "10.0.0.200")
	one.put(ct{id: 101, ip: "manual"})
	one.up(101).says("CT 101 net0 has 10.0.0.200/24")
	reclaim.end().exits(hook.OK)
}

// A node that left a cluster finds a copy of its ledger: the addresses in it
// are leased by others now.
func TestNodeThatLeftItsCluster(t *testing.T) {
	t.Parallel()
	c := newFederation(t, lan, 2)
	stays, leaves := c.hosts[0], c.hosts[1]
	stays.put(ct{id: 101, ip: "manual"})
	leaves.put(ct{id: 102, ip: "manual"})
	stays.up(101)
	leaves.up(102)
	alone := found(t, stays.Fixture, stays.lan, "", lan, 1).hosts[0]
	for name, text := range leaves.files(ledgerDir) {
		if text != "directory" {
			alone.write(filepath.Join(ledgerDir, name), text)
		}
	}
	alone.put(ct{id: 102, ip: "10.0.0.201/24", gw: "10.0.0.1"}, ct{id: 103, ip: "manual"})
	alone.launch(alone.command(program, alone.call(103, "pre-start")...)).wait().exits(hook.Failed).says("the ledger belongs to another cluster", "pve-iplease repair")
	alone.up(102).says("warning: ", "the ledger belongs to another cluster", "CT 102 starts with 10.0.0.201/24 as net0 says")
	alone.admin("repair").exits(hook.OK).says("rebuilt from the guests' configs with 1 leases")
	alone.up(102).says("CT 102 net0 has 10.0.0.201/24", "its lease since")
	alone.records("10.0.0.201 ct/102/net0 bound pool")
	stays.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 bound pool")
}

// The package is removed from a node, and then the hook from the container,
// which runs with the address that it had and answers for it.
func TestRemovedPackageAndGuestWithoutHooks(t *testing.T) {
	t.Parallel()
	s := newPVE(t, tight)
	s.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	s.OK(s.p.Start(101))
	s.OK(s.p.Stop(101))
	file := s.path("/var/lib/vz/snippets/" + program)
	s.Must(os.Rename(file, file+".away"))
	task := s.p.Start(101)
	result{t, 0, task.Log}.says("TASK ERROR", "script 'local:snippets/pve-iplease' does not exist")
	s.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", plain: true})
	s.log(s.p.Start(101)).omits("pve-iplease: ")
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 released pool")
	s.Must(os.Rename(file+".away", file))
	// Its hold is over, and it seems to be one that asks before it starts.
	s.rewrite(func(l *lease.Lease) bool { l.Since = l.Since.Add(-hour * 2); return true })
	s.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"})
	result{t, 0, s.p.Start(102).Log}.says("10.0.0.200 is CT 101's, which runs although its lease is released").says("TASK ERROR", "exit code 4")
	s.OK(s.p.Reboot(101))
	s.boots(101, "10.0.0.200/24")
	s.records("10.0.0.200 ct/101/net0 bound pool")
}

// up starts a container whose hook must succeed.
func (h *host) up(id pve.VMID) result {
	h.t.Helper()
	return h.launch(h.command(program, h.call(id, "pre-start")...)).wait().exits(hook.OK)
}

// down stops a container.
func (h *host) down(id pve.VMID) { h.t.Helper(); h.phase(id, "post-stop").exits(hook.OK) }

// migrate moves a container's config to another node.
func (h *host) migrate(id pve.VMID, to *host) {
	h.t.Helper()
	h.Must(os.Rename(h.path(h.confPath(id)), h.path(to.confPath(id))))
}

// amend changes every lease, as time or another node's clock might have done.
func (h *host) amend(change func(*lease.Lease)) {
	h.t.Helper()
	h.Must(h.ledger().Update(h.t.Context(), func(t *lease.Table) error {
		next := lease.NewTable()
		next.Generation, next.Cluster = t.Generation, t.Cluster
		maps.Copy(next.Nodes, t.Nodes)
		for l := range t.All() {
			change(&l)
			next.Add(l)
		}
		*t = *next
		t.Known("elsewhere", "test", pve.MAC{2, 0, 0, 0, 0, 1}) // a change, so that the table is written
		return nil
	}))
}

// admin runs a command on a host.
func (h *host) admin(args ...string) result {
	h.t.Helper()
	return h.launch(h.command(commands, append([]string{"--root", h.root}, args...)...)).end()
}

// playCommands is hookscript/main.go as far as administrators call it.
func playCommands(args []string) int {
	ctx, stop := hook.Signals(context.Background())
	defer stop()
	return cli.Main(ctx, args, "test", os.Stdout, os.Stderr)
}
