package hook_test

import (
	"os"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// A pools file in which everything that can be wrong is.
const broken = `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/33
	range 10.0.0.200-10.0.0.209

pool: lan2
	bridge vmbr0
	subnet 10.1.0.0/24
	range 10.2.0.1-10.2.0.9
	strategy random

pool: other
	bridge vmbr1
	subnet 10.3.0.0/24
	range 10.3.0.1-10.3.0.9
`

// spoiled is a pools file that nobody can use.
type spoiled struct {
	spoil func(h *host)
	says  []any
}

func spoils() map[string]spoiled {
	return map[string]spoiled{
		"missing": {
			func(h *host) { h.Must(os.Remove(h.path(poolsPath))) },
			[]any{"/etc/pve/pve-iplease/pools.cfg: the file is missing"},
		},
		"broken": {
			func(h *host) { h.pools(broken) },
			[]any{"pools.cfg:3: pool lan: ", "10.0.0.0/33", "pools.cfg:9: pool lan2: ", "10.2.0.1-10.2.0.9", "pools.cfg:10: pool lan2: ", "first, vmid, spread"},
		},
		"no pools file": {
			func(h *host) { h.pools("Dear diary\n") },
			[]any{"pools.cfg:1: "},
		},
		"writable by others": {
			func(h *host) { h.Must(os.Chmod(h.path(poolsPath), 0o666)) },
			[]any{"pools.cfg: file is not trusted: others can write it (mode 0666)", "chmod go-w"},
		},
		"in a directory writable by others": {
			func(h *host) { h.Must(os.Chmod(h.path("/etc/pve/pve-iplease/"), 0o777)) },
			[]any{"pools.cfg: file is not trusted: others can write its directory (mode 0777)"},
		},
		"another user's": {
			func(h *host) { lab.RequireOwners(h.t); h.Must(os.Chown(h.path(poolsPath), 1234, 0)) },
			[]any{"pools.cfg: file is not trusted: it belongs to user 1234"},
		},
		"a directory": {
			func(h *host) { h.Must(os.Remove(h.path(poolsPath))); h.Must(os.Mkdir(h.path(poolsPath), 0o755)) },
			[]any{"pools.cfg: file is not trusted: it is no regular file"},
		},
		"range outside its subnet": {
			func(h *host) { h.pools(section("lan", "range 10.0.1.1-10.0.1.9")) },
			[]any{"pools.cfg:5: pool lan: range: 10.0.1.1-10.0.1.9 is not inside the subnet 10.0.0.0/24"},
		},
		"JSON": {
			func(h *host) {
				h.settings("pools /etc/phoenix.json\n")
				h.write("/etc/phoenix.json", "{\n \"network\": {\n  \"ip_pools\": [ { \"pool\": \"lan\",\n   \"bridge\": \"vmbr0\" } ]\n }\n}\n")
			},
			[]any{"/etc/phoenix.json:3: pool lan: subnet is missing"},
		},
		"JSON, cut off": {
			func(h *host) {
				h.settings("pools /etc/phoenix.json\n")
				h.write("/etc/phoenix.json", "{\n \"network\": {\n")
			},
			[]any{"/etc/phoenix.json:2: the file is no valid JSON"},
		},
	}
}

// A container that needs an address doesn't start, and every problem is said
// at once, with its line.
func TestPoolsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range spoils() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			c.spoil(h)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.Failed).says(append([]any{"error: the pools can't be used: "}, c.says...)...).omits("pools.cfg: /")
			h.has(ct{id: 101, ip: "manual"})
			h.records()
		})
	}
}

const poolsPath = "/etc/pve/pve-iplease/pools.cfg"

func TestOverlappingPoolsDisableTheSecond(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\npool: twin\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.205-10.0.0.220\n")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).
		says("warning: ", "pools.cfg:11: pool twin: range: 10.0.0.205-10.0.0.220 overlaps 10.0.0.200-10.0.0.209 of pool lan (line 1)").
		says("CT 101 net0 has 10.0.0.200/24", "from pool lan")
}

// A bad section disables itself alone.
func TestBadSectionHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\npool: dmz\n\tbridge vmbr1\n\tsubnet nonsense\n")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual", bridge: "vmbr1"}, ct{id: 103, ip: "manual", bridge: "vmbr2"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24")
	h.start(102).exits(hook.Failed).says("error: the pools can't be used:", "pool dmz: subnet:")
	h.start(103).exits(hook.OK).says("no pool serves vmbr2 on pve1")
	h.records("10.0.0.200 ct/101/net0 bound pool")
}

// More problems than anybody reads at a start are counted.
func TestManyProblemsAreCounted(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\ta 1\n\tb 1\n\tc 1\n\td 1\n\te 1\n\tf 1\n")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).
		says(`"e" is unknown`).omits(`"f" is unknown`).
		says("warning: and more, 6 in all: 'pve-iplease pool list' shows each")
}

func TestUnknownPropertyWarnsOnly(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan+"\tgatway 10.0.0.1\n")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("warning: ", "pools.cfg:7: pool lan: ", "gatway", "gateway").says("CT 101 net0 has 10.0.0.200/24")
}

// A node.cfg that can't be relied upon may name another ledger: nothing goes
// on without it.
func TestSettingsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says []any
	}{
		"relative path":      {"deadline 10s\nledger var/lib/x\n", 0o644, []any{"node.cfg:2: ledger", "absolute path"}},
		"bad deadline":       {"deadline soon\n", 0o644, []any{"node.cfg:1: deadline"}},
		"writable by others": {"deadline 10s\n", 0o646, []any{"node.cfg: file is not trusted: others can write it (mode 0646)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.settings(c.text)
			h.Must(os.Chmod(h.path("/etc/pve-iplease/node.cfg"), c.mode))
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.Failed).says(append([]any{"error: "}, c.says...)...)
			h.has(ct{id: 101, ip: "manual"})
			h.records()
		})
	}
}

func TestSettingsMayNameAnotherLedgerAndPools(t *testing.T) {
	t.Parallel()
	h := newHost(t, "")
	h.settings("# of this node\npools /srv/pools.cfg\nledger /srv/ledger\ncolour red\n")
	h.write("/srv/pools.cfg", lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("warning: ", "node.cfg:4: ", "colour").says("CT 101 net0 has 10.0.0.200/24")
	h.stat("/srv/ledger/ledger")
	h.records() // none at the usual place
	h.start(101, "--config", h.path("/srv/pools.cfg")).exits(hook.OK).says("its lease since")
}

func TestExhaustedPoolSaysWhoHoldsWhat(t *testing.T) {
	t.Parallel()
	h := newHost(t, section("lan", "range 10.0.0.200-10.0.0.204", "exclude 10.0.0.204", "probe fast")+"reservation: 10.0.0.203\n\tguest 199\n\n")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"}, ct{id: 103, ip: "manual"})
	h.vm(200, "ipconfig0: ip=10.0.0.202/24")
	h.start(101).exits(hook.OK)
	h.start(102).exits(hook.OK)
	h.phase(102, "post-stop").exits(hook.OK)
	h.start(103).exits(hook.Exhausted).
		says(`error: pool "lan" has no free address: all 4 are in use`, "widen its range", "pve-iplease release VMID").
		says("10.0.0.200 is leased to CT 101 since 20").
		says("10.0.0.201 is kept for CT 102, stopped since 20").
		says("10.0.0.202 is named by the config of VM 200 on pve1").
		says("10.0.0.203 is reserved for CT 199")
	h.has(ct{id: 103, ip: "manual"})
	h.records("10.0.0.200 ct/101/net0 bound pool", "10.0.0.201 ct/102/net0 released pool")
}
