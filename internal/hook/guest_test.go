package hook_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

// ct is a container's config. The zero value of each field but id is usual.
type ct struct {
	id     pve.VMID
	ip, gw string // of net0; empty: not there
	bridge string
	mac    pve.MAC
	plain  bool   // no hookscript
	more   string // lines of the running part
	tail   string // pending and snapshot sections
}

// macOf is the MAC of a container's net0, as the tests give it.
func macOf(id pve.VMID) pve.MAC {
	return pve.MAC{0xbc, 0x24, 0x11, 1, byte(id >> 8), byte(id)}
}

// net0 is the interface's line as Proxmox prints it.
func (c ct) net0() string {
	mac := c.mac
	if mac.IsZero() {
		mac = macOf(c.id)
	}
	line := "name=eth0,bridge=" + cmp.Or(c.bridge, "vmbr0")
	if c.gw != "" {
		line += ",gw=" + c.gw
	}
	line += ",hwaddr=" + mac.String()
	if c.ip != "" {
		line += ",ip=" + c.ip
	}
	return line + ",type=veth"
}

// String is the whole file, with things in it that a careless editor breaks.
func (c ct) String() string {
	var b strings.Builder
	b.WriteString("#Not to be taken for it:\n#net0: name=eth0,bridge=vmbr0,ip=10.0.0.203/24\narch: amd64\n")
	if !c.plain {
		b.WriteString("hookscript: local:snippets/pve-iplease\n")
	}
	fmt.Fprintf(&b, "hostname: ct%s\nmemory: 512\nnet0: %s\n%sostype: debian\n", c.id, c.net0(), c.more)
	fmt.Fprintf(&b, "rootfs: local:%s/vm-%s-disk-0.raw,size=4G\nunprivileged: 1\n", c.id, c.id)
	return b.String() + c.tail
}

// put writes containers' configs.
func (h *host) put(cts ...ct) {
	h.t.Helper()
	for _, c := range cts {
		h.write(h.confPath(c.id), c.String())
	}
}

// vm writes a virtual machine's config.
func (h *host) vm(id pve.VMID, lines ...string) {
	h.t.Helper()
	text := "name: vm" + id.String() + "\nnet0: virtio=BC:24:11:02:00:01,bridge=vmbr0\n"
	h.write("/etc/pve/nodes/"+h.node.Name+"/qemu-server/"+id.String()+".conf", text+strings.Join(lines, "\n")+"\n")
}

// has fails the test unless the containers' configs are these, byte for byte.
func (h *host) has(cts ...ct) {
	h.t.Helper()
	for _, c := range cts {
		if diff := gocmp.Diff(c.String(), h.read(h.confPath(c.id))); diff != "" {
			h.t.Errorf("config of CT %s (-want +got):\n%s", c.id, diff)
		}
	}
}

// destroy removes a container's config.
func (h *host) destroy(id pve.VMID) { h.Must(os.Remove(h.path(h.confPath(id)))) }
