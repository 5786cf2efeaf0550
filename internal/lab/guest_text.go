package lab

import (
	"fmt"
	"net/netip"
	"strings"

	"pve-iplease/internal/pve"
)

// CT is what matters of a container when its config is written; the rest is
// as Proxmox's wizard makes it.
type CT struct {
	Hostname string
	Hook     string // name of a hook in the snippets, see Tree.InstallHook; empty: none
	Bridge   string // empty: vmbr0
	MAC      pve.MAC
	IP       string // ip= as it is to stand there; empty: absent
	Gateway  netip.Addr
	Tail     string // further lines: pending changes, snapshots
}

// Net0 is the container's network property string.
func (c CT) Net0() string {
	net := Net{"name": "eth0", "type": "veth", "bridge": "vmbr0"}
	if c.Bridge != "" {
		net["bridge"] = c.Bridge
	}
	if !c.MAC.IsZero() {
		net["hwaddr"] = c.MAC.String()
	}
	if c.IP != "" {
		net["ip"] = c.IP
	}
	if c.Gateway.IsValid() {
		net["gw"] = c.Gateway.String()
	}
	return net.String()
}

// String is the config file.
func (c CT) String() string {
	var b strings.Builder
	b.WriteString("arch: amd64\ncores: 2\nfeatures: nesting=1\n")
	if c.Hook != "" {
		fmt.Fprintf(&b, "hookscript: local:snippets/%s\n", c.Hook)
	}
	fmt.Fprintf(&b, "hostname: %s\nmemory: 512\nnet0: %s\n", c.Hostname, c.Net0())
	b.WriteString("ostype: debian\nrootfs: local-lvm:vm-disk-0,size=8G\nswap: 512\nunprivileged: 1\n")
	return b.String() + c.Tail
}

// Text is a config file as it stands.
type Text string

func (t Text) String() string { return string(t) }

// VM is what matters of a virtual machine when its config is written.
type VM struct {
	Name    string
	Bridge  string // empty: vmbr0
	MAC     pve.MAC
	IP      string // ip= of ipconfig0; empty: no cloud-init
	Gateway netip.Addr
}

// String is the config file.
func (v VM) String() string {
	bridge := v.Bridge
	if bridge == "" {
		bridge = "vmbr0"
	}
	var b strings.Builder
	b.WriteString("boot: order=scsi0\ncores: 2\n")
	if v.IP != "" {
		fmt.Fprintf(&b, "ipconfig0: ip=%s", v.IP)
		if v.Gateway.IsValid() {
			fmt.Fprintf(&b, ",gw=%s", v.Gateway)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "memory: 2048\nname: %s\nnet0: virtio=%s,bridge=%s\nostype: l26\nscsi0: local-lvm:vm-disk-0,size=32G\n",
		v.Name, v.MAC, bridge)
	return b.String()
}
