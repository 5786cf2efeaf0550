package hook_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/pve"
)

// wreck makes the pools, or the ledger, unusable without a way to repair it.
type wreck struct {
	do   func(h *host)
	says string
}

func wrecks() map[string]wreck {
	return map[string]wreck{
		"broken pools":  {func(h *host) { h.pools(broken) }, "the pools can't be used: "},
		"missing pools": {func(h *host) { h.Must(os.Remove(h.path(poolsPath))) }, "the pools can't be used: "},
		"newer ledger": {func(h *host) {
			head, tail := `{"format":2,"sha256":"`, `","leases":"in the cloud"}`+"\n"
			h.write(ledgerDir+"/ledger", fmt.Sprintf("%s%x%s", head, sha256.Sum256([]byte(head+tail)), tail))
		}, "the ledger was written by a newer pve-iplease"},
		"another cluster's ledger": {func(h *host) {
			h.Must(os.RemoveAll(h.path(ledgerDir)))
			l, err := ledger.Open(ledger.Options{Dir: h.path(ledgerDir), PVE: h.path("/etc/pve"), Scratch: true, Cluster: "other"})
			h.Must(err)
			h.Must(l.Update(h.t.Context(), func(t *lease.Table) error { t.Known("pve9", "test", pve.MAC{2}); return nil }))
		}, "the ledger belongs to another cluster"},
	}
}

// readOnly makes a directory as a read-only file system is.
func (h *host) readOnly(dir string) {
	h.t.Helper()
	path := h.path(dir)
	h.Must(os.MkdirAll(path, 0o700))
	h.Must(unix.Mount(path, path, "", unix.MS_BIND, ""))
	h.t.Cleanup(func() { h.Must(unix.Unmount(path, unix.MNT_DETACH)) })
	h.Must(unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

// Broken pools or a broken ledger never keep a host's own containers from
// coming up, and never make a duplicate.
func TestDegradedStart(t *testing.T) {
	t.Parallel()
	for what, wreck := range wrecks() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.77/24", gw: "10.0.0.1"}, ct{id: 103, ip: "10.0.0.78/24"})
			h.put(ct{id: 104, ip: "10.0.0.79/24"}, ct{id: 105, ip: "manual"}, ct{id: 106, ip: "10.0.0.79/24", plain: true})
			h.start(101).exits(hook.OK)
			s := h.stranger("10.0.0.78")
			wreck.do(h)

			h.start(101).exits(hook.OK).says("warning: ", wreck.says, "CT 101 starts with 10.0.0.200/24 as net0 says: no other guest names it and nobody answers for it")
			h.start(102).exits(hook.OK).says("warning: ", wreck.says, "CT 102 starts with 10.0.0.77/24 as net0 says")
			h.start(103).exits(hook.Conflict).says("error: 10.0.0.78 of CT 103", s.MAC, "port eno1", wreck.says)
			h.start(104).exits(hook.Failed).says("error: ", wreck.says, "CT 104 can't go on with 10.0.0.79: it is named by the config of CT 106 on pve1")
			h.start(105).exits(hook.Failed).says("error: ", wreck.says)
			h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"}, ct{id: 105, ip: "manual"})
		})
	}
}

// A renewal needs to write nothing.
func TestLedgerOnAReadOnlyDisk(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.77/24"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.readOnly(ledgerDir)
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24", "its lease since")
	h.start(102).exits(hook.OK).says("warning: ", "read-only file system", "CT 102 starts with 10.0.0.77/24 as net0 says")
	h.start(103).exits(hook.Failed).says("error: ", "read-only file system", "look into the kernel log", "the ledger is unchanged")
	h.phase(101, "post-stop").exits(hook.Failed).says("warning: the lease of CT 101 stays bound: ", "read-only file system")
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

func TestLedgerThatIsLockedAllTheTime(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.settings("deadline 12s\n")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.start(103).exits(hook.OK)
	t.Cleanup(h.keep(ledgerDir + "/lock"))
	one := h.launch(h.command(program, h.call(101, "pre-start")...))
	two := h.launch(h.command(program, h.call(102, "pre-start")...))
	three := h.launch(h.command(program, h.call(103, "post-stop")...))
	one.wait().exits(hook.OK).says("warning: the ledger is locked: ", "CT 101 starts with 10.0.0.200/24 as net0 says")
	two.wait().exits(hook.Locked).says("error: the ledger is locked: ", "the ledger is unchanged")
	three.wait().exits(hook.Locked).says("warning: the lease of CT 103 stays bound: the ledger is locked")
	h.has(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1"}, ct{id: 102, ip: "manual"})
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/103/net0 bound pool")
}

// A guest that came up while the pools could not be used has its lease bound,
// since the ledger could be.
func TestDegradedStartIsBound(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.phase(101, "post-stop").exits(hook.OK)
	h.records("10.0.0.200 ct/101/net0 released pool")
	h.pools(broken)
	h.start(101).exits(hook.OK).says("CT 101 starts with 10.0.0.200/24 as net0 says")
	h.records("10.0.0.200 ct/101/net0 bound pool")
	h.phase(101, "post-stop").exits(hook.OK)
	h.records("10.0.0.200 ct/101/net0 released pool")
}

// While the ledger can't be written, word of the start is left, and the first
// hook or command that can write binds its lease.
func TestDegradedStartIsBoundLater(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(h *host){
		"its post-start": func(h *host) { h.phase(101, "post-start").exits(hook.OK) },
		"another guest's": func(h *host) {
			h.launch(h.command(program, h.call(102, "pre-start")...)).wait().exits(hook.OK)
		},
		"another's post-stop": func(h *host) { h.phase(103, "post-stop").exits(hook.OK) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.settings("deadline 6s\n")
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.start(103).exits(hook.OK)
			h.phase(101, "post-stop").exits(hook.OK)
			free := h.keep(ledgerDir + "/lock")
			h.launch(h.command(program, h.call(101, "pre-start")...)).wait().exits(hook.OK).says("CT 101 starts with 10.0.0.200/24 as net0 says")
			free()
			if l := h.only(101); l.State != lease.Released {
				t.Fatalf("it is %s already", l.State)
			}
			next(h)
			if l := h.only(101); l.State != lease.Bound {
				t.Errorf("it is still %s", l.State)
			}
			h.phase(101, "post-stop").exits(hook.OK)
			if l := h.only(101); l.State != lease.Released {
				t.Errorf("it stopped, and is still %s", l.State)
			}
		})
	}
}

// A guest that came up past its hook runs with a lease that stays released. When
// its hold is over, nobody gets the address: either the guest is heard, and has
// its lease back, or nothing is believed.
func TestGuestThatRunsWithAReleasedLease(t *testing.T) {
	t.Parallel()
	for name, blind := range map[string]bool{"heard": false, "the network cannot tell": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pools := tight + "\tunproven start\n"
			h := newHost(t, pools)
			h.settings(hasty)
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.phase(101, "post-stop").exits(hook.OK)
			h.pools(broken)
			h.start(101).exits(hook.OK).says("warning: ", "CT 101 starts with 10.0.0.200/24 as net0 says")
			h.pools(pools)
			h.neighbour(macOf(101), "10.0.0.200")
			h.rewrite(func(l *lease.Lease) bool { l.State, l.Since = lease.Released, l.Since.Add(-2*hour); return true })
			if blind {
				h.Must(h.node.Remove("vmbr0"))
				h.start(102).exits(hook.Failed).says("error: cannot prove that 10.0.0.200 is free", "named by the config of CT 101 on pve1", "pve-iplease confirm 102")
				return
			}
			h.launch(h.command(program, h.call(102, "pre-start")...)).wait().exits(hook.Exhausted).says("10.0.0.200 is in use by", "CT 101")
			h.records("10.0.0.200 ct/101/net0 bound pool")
		})
	}
}

// The ledger, read without lock, says that the address is another guest's.
func TestDegradedStartRespectsTheLedger(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.200/24"}) // the first's config doesn't name it, the ledger does
	h.pools(broken)
	h.start(102).exits(hook.Failed).says("error: the pools can't be used", "CT 102 can't go on with 10.0.0.200: it is leased to CT 101 since")
}

func TestDHCPStartsWithoutPools(t *testing.T) {
	t.Parallel()
	h := newHost(t, broken)
	h.put(ct{id: 101, ip: "dhcp"})
	h.start(101).exits(hook.OK).says("warning: the pools can't be used", "CT 101 starts with DHCP as net0 says")
	h.has(ct{id: 101, ip: "dhcp"})
}

// Damage is repaired from the guests' configs, and what was there is kept.
func TestDamagedLedgerIsRebuilt(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(h *host){
		"garbage": func(h *host) { h.write(ledgerDir+"/ledger", "\x00\x00\x00") },
		"empty":   func(h *host) { h.write(ledgerDir+"/ledger", "") },
		"cut off": func(h *host) { text := h.read(ledgerDir + "/ledger"); h.write(ledgerDir+"/ledger", text[:len(text)-9]) },
		"a bit": func(h *host) {
			text := []byte(h.read(ledgerDir + "/ledger"))
			text[len(text)-9] ^= 1
			h.write(ledgerDir+"/ledger", string(text))
		},
		"file gone":      func(h *host) { h.Must(os.Remove(h.path(ledgerDir + "/ledger"))) },
		"directory gone": func(h *host) { h.Must(removeAll(h.path(ledgerDir))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "10.0.0.77/24"}, ct{id: 103, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.start(102).exits(hook.OK)
			h.runs(102)
			damage(h)
			was, _ := os.ReadFile(h.path(ledgerDir + "/ledger"))
			res := h.launch(h.command(program, h.call(103, "pre-start")...)).wait()
			res.exits(hook.OK).says("warning: ", "the ledger is damaged", "it was rebuilt from the guests' configs with 2 leases").omits("the ledger is unchanged").says("CT 103 net0 has 10.0.0.201/24")
			if beside := "kept beside it"; len(was) > 0 {
				res.says(beside)
			} else {
				res.omits(beside)
			}
			// Whoever is stopped here is known to be.
			h.records("10.0.0.200 ct/101/net0 released pool", "10.0.0.201 ct/103/net0 bound pool", "10.0.0.77 ct/102/net0 bound static")
			kept := ""
			for file, text := range h.files(ledgerDir) {
				if strings.HasPrefix(file, "/ledger.bad-") {
					kept += text
				}
			}
			if kept != string(was) {
				t.Errorf("kept is %q, want %q", kept, was)
			}
			h.start(101).exits(hook.OK).says("10.0.0.200/24", "its lease since").omits("rebuilt")
		})
	}
}

// Of many starts that find the ledger damaged one repairs it and says what it
// did; the others say nothing untrue.
func TestDamagedLedgerIsRebuiltOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, spacious)
	h.put(ct{id: 99100, ip: "10.0.0.199/24"})
	h.start(99100).exits(hook.OK)
	h.write(ledgerDir+"/ledger", "damage")
	says := 0
	for _, r := range h.crowd(101, 12) {
		res := r.wait().exits(hook.OK).omits("with 0 leases")
		says += strings.Count(res.log, "it was rebuilt from the guests' configs with 1 leases, and what was there is kept beside it")
	}
	if says != 1 {
		t.Errorf("%d say that they rebuilt it", says)
	}
}

// What a config that can't be read names is not known: nothing is rebuilt.
func TestDamagedLedgerIsNotRebuiltFromHalfTheConfigs(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.Must(os.Mkdir(h.path(h.confPath(102)), 0o755)) // reading it fails
	h.write(ledgerDir+"/ledger", "x")
	before := h.files(ledgerDir)
	h.start(103).exits(hook.Failed).says("error: ", "the ledger is damaged", "it is not rebuilt while ", "102.conf can't be read")
	h.start(101).exits(hook.OK).says("warning: ", "the ledger is damaged", "CT 101 starts with 10.0.0.200/24")
	if after := h.files(ledgerDir); after["/ledger"] != before["/ledger"] {
		t.Errorf("the ledger is now %q", after["/ledger"])
	}
}

func TestPostStopWithADamagedLedgerIsQuick(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.write(ledgerDir+"/ledger", "x")
	h.phase(101, "post-stop").exits(hook.Failed).says("warning: the lease of CT 101 stays bound: ", "the ledger is damaged")
}
