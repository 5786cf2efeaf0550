package hook_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/pve"
)

// filtered makes a host on which Proxmox's address filter is in force for the
// containers 101 to 106. Its rules are the addresses in their configs when the
// program was called that Proxmox's daemon makes them by; body is what that does.
func filtered(t *testing.T, body string) (h *host, rules func() (addresses string, updates int)) {
	t.Helper()
	h = newHost(t, lan)
	h.write("/etc/pve/firewall/cluster.fw", "[OPTIONS]\nenable: 1\n")
	for id := pve.VMID(101); id <= 106; id++ {
		h.write("/etc/pve/firewall/"+id.String()+".fw", "[OPTIONS]\nenable: 1\nipfilter: 1\n")
		h.pinned(id, "manual")
	}
	sleep, err := exec.LookPath("sleep")
	h.Must(err)
	daemon := filepath.Join(t.TempDir(), "pve-firewall")
	h.Must(os.Symlink(sleep, daemon))
	cmd := exec.Command(daemon, "600")
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	h.Must(cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.write("/run/pve-firewall.pid", fmt.Sprintln(cmd.Process.Pid))
	dir := t.TempDir()
	h.write("/usr/bin/perl", fmt.Sprintf("#!/bin/sh\n[ \"$*\" = '-MPVE::Firewall -e PVE::Firewall::update()' ] || exit 9\necho x >>%[1]s/updates\nsed -n 's/.*,ip=\\([^,]*\\).*/\\1/p' %[2]s/etc/pve/lxc/*.conf >%[1]s/$$\n%[3]s\nmv %[1]s/$$ %[1]s/rules\n", dir, h.root, body))
	h.Must(os.Chmod(h.path("/usr/bin/perl"), 0o755))
	return h, func() (string, int) {
		rules, _ := os.ReadFile(filepath.Join(dir, "rules"))
		updates, _ := os.ReadFile(filepath.Join(dir, "updates"))
		return string(rules), strings.Count(string(updates), "x")
	}
}

// pinned gives a container a NIC that the firewall looks at.
func (h *host) pinned(id pve.VMID, ip string) {
	h.t.Helper()
	h.write(h.confPath(id), fmt.Sprintf("arch: amd64\nhookscript: local:snippets/pve-iplease\nhostname: ct%s\nnet0: name=eth0,bridge=vmbr0,firewall=1,hwaddr=%s,ip=%s,type=veth\n", id, macOf(id), ip))
}

// An address that changed is let through before the start returns; nothing is
// done where the filter is not in force, or nothing changed.
func TestAddressFilterLearnsANewAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		with    func(*host)
		updates int
	}{
		"in force": {func(*host) {}, 1},
		"by a set": {func(h *host) {
			h.write("/etc/pve/firewall/101.fw", "[OPTIONS]\nenable: 1\n[IPSET ipfilter-net0]\n10.0.0.0/24\n")
		}, 1},
		"off for all":       {func(h *host) { h.write("/etc/pve/firewall/cluster.fw", "[OPTIONS]\nenable: 0\n") }, 0},
		"off for the guest": {func(h *host) { h.write("/etc/pve/firewall/101.fw", "[OPTIONS]\nipfilter: 1\n") }, 0},
		"no filter":         {func(h *host) { h.write("/etc/pve/firewall/101.fw", "[OPTIONS]\nenable: 1\n") }, 0},
		"off on the NIC":    {func(h *host) { h.put(ct{id: 101, ip: "manual"}) }, 0},
		"no files":          {func(h *host) { h.Must(os.RemoveAll(h.path("/etc/pve/firewall"))) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, rules := filtered(t, "")
			c.with(h)
			h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").omits("filter", "warning")
			got, updates := rules()
			if updates != c.updates || updates > 0 && !strings.Contains(got, "10.0.0.200/24\n") {
				t.Errorf("%d updates, rules %q", updates, got)
			}
			h.start(101).exits(hook.OK).omits("filter", "warning")
			if _, again := rules(); again != updates {
				t.Errorf("%d updates although nothing changed", again-updates)
			}
		})
	}
}

// What keeps the filter from learning is said, and the start goes on.
func TestAddressFilterThatLearnsLater(t *testing.T) {
	t.Parallel()
	const may = "warning: Proxmox's address filter may not know yet that CT 101 has 10.0.0.200, and drop what it sends from there for some seconds: "
	for name, c := range map[string]struct {
		body string
		with func(*host)
		says string
	}{
		"fails":       {"echo 'cannot lock file' >&2; exit 4", func(*host) {}, may + "pve-firewall looks every 10 s (its update failed: exit status 4 cannot lock file)"},
		"hangs":       {"exec sleep 600", func(h *host) { h.settings("deadline 5s\n") }, may + "pve-firewall looks every 10 s (its update takes too long"},
		"no program":  {"", func(h *host) { h.Must(os.Remove(h.path("/usr/bin/perl"))) }, may + "pve-firewall looks every 10 s ("},
		"daemon down": {"", func(h *host) { h.Must(os.Remove(h.path("/run/pve-firewall.pid"))) }, may + "pve-firewall, which would tell it, doesn't run"},
		"nftables": {"", func(h *host) {
			h.write("/usr/libexec/proxmox/proxmox-firewall", "")
			h.Must(os.Chmod(h.path("/usr/libexec/proxmox/proxmox-firewall"), 0o755))
			h.write("/etc/pve/nodes/pve1/host.fw", "[OPTIONS]\nnftables: 1\n")
		}, may + "proxmox-firewall looks every few seconds"},
		"unreadable": {
			"", func(h *host) {
				h.Must(os.Remove(h.path("/etc/pve/firewall/101.fw")))
				h.Must(os.Mkdir(h.path("/etc/pve/firewall/101.fw"), 0o755))
			}, "warning: what Proxmox's firewall is told can't be read",
		},
		"a set without it": {
			"", func(h *host) {
				h.write("/etc/pve/firewall/101.fw", "[OPTIONS]\nenable: 1\n[IPSET ipfilter-net0]\n10.0.0.9\n")
			}, "warning: Proxmox's address filter drops what CT 101 sends from 10.0.0.200: its set ipfilter-net0 lacks it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, rules := filtered(t, c.body)
			c.with(h)
			h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").says(c.says)
			if _, updates := rules(); updates > 0 && (name == "daemon down" || name == "nftables") {
				t.Errorf("%d updates", updates)
			}
		})
	}
}

// Many at once are served by few updates, each of which takes its time, and
// every start that returns is let through.
func TestAddressFilterLearnsOfMany(t *testing.T) {
	t.Parallel()
	busy := filepath.Join(t.TempDir(), "busy") // two at a time are a failure
	h, rules := filtered(t, fmt.Sprintf("mkdir %[1]s || exit 7; sleep 0.3; rmdir %[1]s", busy))
	var all []*running
	for id := pve.VMID(101); id <= 106; id++ {
		all = append(all, h.launch(h.command(program, h.call(id, "pre-start")...)))
	}
	for _, r := range all {
		r.wait().exits(hook.OK).omits("filter")
	}
	got, updates := rules()
	for i := range 6 {
		if a := fmt.Sprintf("10.0.0.20%d/24\n", i); !strings.Contains(got, a) {
			t.Errorf("the rules lack %s", a)
		}
	}
	t.Logf("%d updates for 6 starts", updates)
}

// An announcement that the filter may have dropped is no news told.
func TestAnnouncementThatTheFilterMayDrop(t *testing.T) {
	t.Parallel()
	h, _ := filtered(t, "exit 1")
	h.write("/var/lib/pve-iplease/history.jsonl", fmt.Sprintf("{\"address\":\"10.0.0.200\",\"mac\":\"%s\",\"event\":\"released\"}\n", macOf(150)))
	h.start(101).exits(hook.OK).says("may not know yet")
	guest, err := h.node.Plug("vmbr0", "veth101i0", macOf(101))
	h.Must(err)
	t.Cleanup(func() { _ = guest.Close() })
	h.lives(guest)
	h.phase(101, "post-start").exits(hook.OK).omits("told the network").
		says("warning: CT 101: announced that 10.0.0.200, which another host had before, is on eth0 now, but Proxmox's address filter may have dropped that")
}
