package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// lxcFolder is where Proxmox generates the configuration of each container
// for LXC.
const lxcFolder = "/var/lib/lxc"

// LXC is a container of the real LXC with BusyBox inside.
type LXC struct {
	node   *Node
	id     pve.VMID
	cmd    *exec.Cmd
	output strings.Builder
}

// LXC prepares a container whose net0 is plugged into vmbr0 of the node and
// gets its addresses from LXC, as a host-managed one does: lines are such as
// "lxc.net.0.ipv4.address = 10.0.0.200/24". A test is skipped where LXC or
// BusyBox is missing. The container is not started; see Start.
func (f Fixture) LXC(n *Node, id pve.VMID, mac pve.MAC, lines ...string) *LXC {
	f.t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err == nil {
		_, err = exec.LookPath("lxc-start")
	}
	if err != nil {
		f.t.Skipf("no LXC: %v; see make test-vm", err)
	}
	c := &LXC{node: n, id: id}
	f.t.Cleanup(func() { f.Must(c.remove()) })
	f.Must(c.prepare(busybox, mac, lines))
	return c
}

// Config is the file that Proxmox generates for LXC.
func (c *LXC) Config() string { return filepath.Join(lxcFolder, c.id.String(), "config") }

func (c *LXC) prepare(busybox string, mac pve.MAC, lines []string) error {
	root := filepath.Join(lxcFolder, c.id.String(), "rootfs")
	for _, dir := range []string{"bin", "dev", "proc", "sys", "etc", "run", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "bin/busybox"), program, 0o755); err != nil {
		return err
	}
	config := append([]string{
		"lxc.arch = amd64",
		"lxc.apparmor.profile = unconfined",
		"lxc.tty.max = 0",
		"lxc.pty.max = 0",
		"lxc.uts.name = CT" + c.id.String(),
		"lxc.rootfs.path = dir:" + root,
		"lxc.init.cmd = /bin/busybox sleep 100000",
		"lxc.net.0.type = veth",
		"lxc.net.0.veth.pair = " + GuestPort(c.id, 0),
		"lxc.net.0.link = vmbr0",
		"lxc.net.0.hwaddr = " + mac.String(),
		"lxc.net.0.name = eth0",
		"lxc.net.0.flags = up",
	}, lines...)
	return os.WriteFile(c.Config(), []byte(strings.Join(config, "\n")+"\n"), 0o644)
}

// Start boots the container, as pve-container@.service does, and waits until
// its port is plugged in.
func (c *LXC) Start() error {
	// LXC looks for the bridge in /sys, which must be that of the node's network.
	c.cmd = exec.Command("/bin/sh", "-ec", "mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec lxc-start -F -n "+c.id.String())
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	c.cmd.Stdout, c.cmd.Stderr = &c.output, &c.output
	if err := c.node.Start(c.cmd); err != nil {
		return err
	}
	port := GuestPort(c.id, 0)
	err := errors.New("not plugged in")
	for range 250 {
		if _, err = c.node.Interface(port); err == nil {
			err = c.node.awaitLink(port)
		}
		if err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.stop() // then its output can be read
	return fmt.Errorf("lxc-start, %s: %w\n%s", port, err, c.output.String())
}

// remove stops the container, and takes its files away.
func (c *LXC) remove() error {
	c.stop()
	return os.RemoveAll(filepath.Join(lxcFolder, c.id.String()))
}

func (c *LXC) stop() {
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	_ = c.node.Run(exec.Command("lxc-stop", "-k", "-n", c.id.String())) // it may be gone
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // killed
	c.cmd = nil
}
