package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// dhcp are the rows of DHCP clients against dnsmasq.
func (c *crowd) dhcp() []row {
	rows := []row{
		c.row("udhcpc, dnsmasq", "udhcpc", c.client("udhcpc", "-f", "-q", "-n", "-i", "eth0", "-s", dhcpScript)),
		c.row("udhcpc -a, dnsmasq", "udhcpc", c.client("udhcpc", "-a", "-f", "-q", "-n", "-i", "eth0", "-s", dhcpScript)),
		c.row("dhclient, dnsmasq", "dhclient", c.client("dhclient", "-1", "-d", "-4", "-cf", "/dev/null",
			"-lf", file("dhclient.leases"), "-pf", file("dhclient.pid"), "-sf", dhcpScript, "eth0")),
	}
	if _, missing := lookUp("dnsmasq"); missing != "" {
		for i := range rows {
			rows[i].missing = missing
		}
	}
	return rows
}

// dhcpScript is called by the clients and tells the address that they got.
const dhcpScript = scratch + "/dhcp-script"

const dhcpScriptText = `#!/bin/sh
case "$1$reason" in
bound | BOUND) echo "address ${ip:-$new_ip_address}" ;;
esac
`

// clientID is the guest in which the client runs.
const clientID = 102

// client measures a DHCP client in a new guest, against a new server.
func (c *crowd) client(name string, args ...string) func() (sample, error) {
	return func() (sample, error) {
		if err := os.WriteFile(dhcpScript, []byte(dhcpScriptText), 0o755); err != nil {
			return nil, err
		}
		path, _ := lookUp(name)
		stop, err := c.serve()
		if err != nil {
			return nil, err
		}
		defer stop()
		port := lab.GuestPort(pve.VMID(clientID), 0)
		guest, err := c.node.Plug(bridge, port, lab.RandomMAC())
		if err != nil {
			return nil, err
		}
		defer func() { _ = errors.Join(c.node.Remove(port), guest.Close()) }()
		if err := guest.DisableIPv6(); err != nil {
			return nil, err
		}
		_ = os.Remove(file("dhclient.leases")) // of another client; mostly there is none
		return c.bind(guest, exec.Command(path, args...))
	}
}

// bind runs the client until it has an address.
func (c *crowd) bind(guest *lab.Host, cmd *exec.Cmd) (sample, error) {
	before, err := c.sentByBoth()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = w, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	err = guest.Start(cmd)
	_ = w.Close() // the child has it
	if err != nil {
		return nil, err
	}
	timer := time.AfterFunc(time.Minute, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	defer timer.Stop()
	found, at := bound(r)
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGTERM) // dhclient would stay
	_ = cmd.Wait()                                // it was told to end
	if !found.IsValid() {
		return nil, fmt.Errorf("no address: %s", log.String())
	}
	after, err := c.sentByBoth()
	return c.judged(found, ms(at.Sub(began)), ms(at.Sub(began)), after-before), err
}

// bound reads until the script tells an address.
func bound(r *os.File) (found netip.Addr, at time.Time) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "address "); ok {
			found, _ = netip.ParseAddr(text)
			return found, time.Now()
		}
	}
	return netip.Addr{}, time.Time{}
}

// sentByBoth counts what left the node and the router.
func (c *crowd) sentByBoth() (uint64, error) {
	node, err := c.fresh()
	if err != nil {
		return 0, err
	}
	router, err := c.router.Sent("eth0")
	return node + router, err
}

// serve starts dnsmasq on the router as it is by default, with an empty
// memory, and waits until it listens.
func (c *crowd) serve() (stop func(), err error) {
	if err := c.router.Forget("eth0"); err != nil {
		return nil, err
	}
	path, _ := lookUp("dnsmasq")
	leases := file("dnsmasq.leases")
	_ = os.Remove(leases) // of the one before; at first there is none
	cmd := exec.Command(path, "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file=",
		"--interface=eth0", "--bind-interfaces", "--dhcp-leasefile="+leases,
		fmt.Sprintf("--dhcp-range=%s,%s,1h", poolFirst, span(poolFirst, poolSize)[poolSize-1]))
	if err := c.router.Start(cmd); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if c.listens(67) {
			return stop, nil
		}
	}
	stop()
	return nil, errors.New("dnsmasq does not listen")
}

// listens tells whether somebody on the router has a UDP port.
func (c *crowd) listens(port int) bool {
	var table []byte
	err := c.router.Do(func() (err error) {
		table, err = os.ReadFile("/proc/thread-self/net/udp")
		return err
	})
	return err == nil && strings.Contains(string(table), fmt.Sprintf(":%04X 00000000:0000", port))
}
