package hook_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// drive is what a VM gets its addresses from.
const drive = "ide2: local-lvm:vm-200-cloudinit,media=cdrom"

// applying is what a VM's 'apply' says and sets; Proxmox's API is played by f.
func (h *host) applying(t *testing.T, id pve.VMID, f hook.Setter) (code int, log string) {
	t.Helper()
	var said strings.Builder
	h.Must(h.node.Do(func() error {
		p, err := hook.NewHost(hook.Place{Root: h.root, Version: "test"}, report.New(&said, &said, ""))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), config.DefaultNode().Deadline)
		defer cancel()
		code = p.Apply(ctx, id, hook.Options{}, f)
		return nil
	}))
	return code, said.String()
}

// sets plays the API: it writes the settings into the config.
func (h *host) sets(_ context.Context, values map[string]string, raw []byte) error {
	path := h.path("/etc/pve/nodes/pve1/qemu-server/200.conf")
	text := string(raw)
	for key, value := range values {
		var kept []string
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, key+":") {
				kept = append(kept, l)
			}
		}
		text = strings.Join(kept, "") + key + ": " + value + "\n"
	}
	return os.WriteFile(path, []byte(text), 0o640)
}

func TestApplyLeasesForAVM(t *testing.T) {
	t.Parallel()
	h := newHost(t, dual)
	h.gateway()
	s := h.stranger("10.0.0.200")
	h.vm(200, drive, "ipconfig0: ip=dhcp,ip6=auto")
	code, log := h.applying(t, 200, h.sets)
	result{t, code, log}.exits(hook.OK).
		says("VM 200 net0 configures its IPv6 address itself").
		says("10.0.0.200 is in use by " + s.MAC.String()).
		says("VM 200 net0 has 10.0.0.201/24 via 10.0.0.1 from pool lan").omits("cloud-init")
	if conf := h.read("/etc/pve/nodes/pve1/qemu-server/200.conf"); !strings.HasSuffix(conf, "ipconfig0: gw=10.0.0.1,ip=10.0.0.201/24,ip6=auto\n") {
		t.Error(conf)
	}
	h.records("10.0.0.200 conflicted "+s.MAC.String(), "10.0.0.201 vm/200/net0 bound pool")
	// Its start proves it, its end releases it.
	h.phase(200, "pre-start").exits(hook.OK).says("VM 200 net0 has 10.0.0.201/24", "its lease since")
	h.phase(200, "post-stop").exits(hook.OK).says("VM 200 stopped: 10.0.0.201 is kept for it")
	h.records("10.0.0.200 conflicted "+s.MAC.String(), "10.0.0.201 vm/200/net0 released pool")
	// Applied again it has nothing to change.
	code, log = h.applying(t, 200, func(context.Context, map[string]string, []byte) error { return fmt.Errorf("called") })
	result{t, code, log}.exits(hook.OK).says("VM 200 net0 has 10.0.0.201/24")
}

func TestApplyThatFails(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.vm(200, "ipconfig0: ip=dhcp")
	h.put(ct{id: 101, ip: "manual"})
	code, log := h.applying(t, 200, func(context.Context, map[string]string, []byte) error { return fmt.Errorf("no permission") })
	result{t, code, log}.exits(hook.Failed).says("error: no permission").says("warning: VM 200 has no cloud-init drive")
	code, log = h.applying(t, 200, func(context.Context, map[string]string, []byte) error { return nil })
	result{t, code, log}.exits(hook.Failed).says("although Proxmox was told to set it to gw=10.0.0.1,ip=10.0.0.200/24; see 'qm config 200'")
	code, log = h.applying(t, 101, h.sets)
	result{t, code, log}.exits(hook.Failed).says("error: there is no VM 101 on node pve1; a container gets its address when it starts")
}

// A VM's image can't be changed any more when the hook is called.
func TestVMThatNeedsAnotherAddressDoesNotStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.vm(200, drive, "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.1")
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.201/24") // 10.0.0.200 is named by the VM
	h.phase(200, "pre-start").exits(hook.OK).says("VM 200 net0 has 10.0.0.200/24", "net0 names it and the ledger knows no owner")
	before := h.leases()
	h.vm(200, drive, "ipconfig0: ip=10.0.0.201/24,gw=10.0.0.1")
	h.phase(200, "pre-start").exits(hook.Conflict).
		says("error: 10.0.0.201 in ipconfig0 of VM 200 can't be: 10.0.0.201, which net0 names, is leased to CT 101", "run 'pve-iplease apply 200' and start it again")
	if after := h.leases(); len(after) != len(before) {
		t.Errorf("%d leases, were %d", len(after), len(before))
	}
	h.vm(200, drive, "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.9")
	h.phase(200, "pre-start").exits(hook.OK).says("warning: ipconfig0 of VM 200 is not what its pool says, 10.0.0.200/24 via 10.0.0.1; 'pve-iplease apply 200' brings it up to date")
	s := h.stranger("10.0.0.200")
	h.phase(200, "pre-start").exits(hook.Conflict).
		says("error: 10.0.0.200 in ipconfig0 of VM 200 is in use by "+s.MAC.String(), "run 'pve-iplease apply 200' for another address")
	h.records("10.0.0.200 vm/200/net0 bound pool", "10.0.0.201 ct/101/net0 bound pool")
	code, log := h.applying(t, 200, h.sets)
	result{t, code, log}.exits(hook.OK).says("VM 200 net0 has 10.0.0.202/24")
}

func TestVMWithoutAnAddressIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{"DHCP": {"ipconfig0: ip=dhcp"}, "no cloud-init": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.vm(200, lines...)
			h.phase(200, "pre-start").exits(hook.OK).says("VM 200 net0: ipconfig0 has no IPv4 address: left as it is; 'pve-iplease apply 200' leases one")
			h.phase(200, "post-stop").exits(hook.OK).says("VM 200 has no bound lease: nothing to do")
			h.records()
		})
	}
}

// A VM that runs is left alone, and keeps its lease at a post-stop by hand.
func TestVMThatRuns(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.vm(200, drive, "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.1")
	h.phase(200, "pre-start").exits(hook.OK)
	kvm := exec.Command("/bin/sh", "-c", "read end", "-id", "200")
	kvm.Args[0] = "/usr/bin/kvm"
	_, err := kvm.StdinPipe() // it ends with the test at the latest
	h.Must(err)
	h.Must(kvm.Start())
	t.Cleanup(func() { _ = kvm.Process.Kill(); _ = kvm.Wait() })
	h.write("/var/run/qemu-server/200.pid", fmt.Sprintln(kvm.Process.Pid))
	h.phase(200, "pre-start").exits(hook.OK).says("VM 200 is running already: nothing to do")
	h.phase(200, "post-stop").exits(hook.OK).says("VM 200 is not stopped: its lease stays bound")
	code, log := h.applying(t, 200, h.sets)
	result{t, code, log}.exits(hook.Failed).says("error: VM 200 is running; stop it")
	h.Must(h.node.Do(func() error {
		p, err := hook.NewHost(hook.Place{Root: h.root, Version: "test"}, report.New(nil, nil, ""))
		if err == nil {
			_, err = p.Release(t.Context(), 200)
		}
		if err == nil || !strings.Contains(err.Error(), "VM 200 is running; stop it first") {
			t.Errorf("release of a running VM: %v", err)
		}
		return nil
	}))
	h.Must(kvm.Process.Kill())
	_ = kvm.Wait()
	h.phase(200, "post-stop").exits(hook.OK).says("VM 200 stopped: 10.0.0.200 is kept for it")
	if _, err := os.Stat(filepath.Join(h.root, "run/lock/qemu-server/lock-200.conf")); err != nil {
		t.Error(err)
	}
}

// A VM that comes by live migration still has its config on the other node.
func TestVMThatArrivesRunning(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.write("/etc/pve/nodes/pve2/qemu-server/200.conf", "net0: virtio=BC:24:11:02:00:01,bridge=vmbr0\nipconfig0: ip=10.0.0.200/24\n")
	cmd := h.command(program, h.call(200, "pre-start")...)
	cmd.Env = append(cmd.Env, "PVE_MIGRATED_FROM=pve2")
	h.launch(cmd).wait().exits(hook.OK).says("VM 200 comes from pve2 while it runs, and keeps its addresses: nothing to do")
	h.phase(200, "pre-start").exits(hook.Failed)
	h.records()
}

// What its last stop here has noted is void once the VM has gone to another node,
// where it may run with the claim that it had, and when it arrives from there.
func TestStopNoteOfAVMThatHasMoved(t *testing.T) {
	t.Parallel()
	for _, comes := range []bool{false, true} {
		h := newHost(t, lan)
		h.vm(200, drive, "ipconfig0: ip=10.0.0.200/24,gw=10.0.0.1")
		h.phase(200, "pre-start").exits(hook.OK)
		c := h.leases()[lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: netip.MustParseAddr("10.0.0.200")}].Claim
		h.write("/run/pve-iplease/unreleased/vm-200", fmt.Sprintf(`{"kind":%d,"vmid":200,"boot":%q,"started":%d,"at":"2026-03-01T12:00:00Z","sure":true,"claims":[%q]}`,
			pve.VM, c.Boot, c.Up+1, c.ID))
		here, there := h.path("/etc/pve/nodes/pve1/qemu-server/200.conf"), h.path("/etc/pve/nodes/pve2/qemu-server/200.conf")
		h.Must(os.MkdirAll(filepath.Dir(there), 0o755))
		h.Must(os.Rename(here, there))
		if comes {
			cmd := h.command(program, h.call(200, "pre-start")...)
			cmd.Env = append(cmd.Env, "PVE_MIGRATED_FROM=pve2")
			h.launch(cmd).wait().exits(hook.OK).says("VM 200 comes from pve2 while it runs")
			h.Must(os.Rename(there, here))
		}
		h.put(ct{id: 101, ip: "manual"})
		h.start(101).exits(hook.OK)
		h.records("10.0.0.200 vm/200/net0 bound pool", "10.0.0.201 ct/101/net0 bound pool")
	}
}
