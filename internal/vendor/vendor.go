// Package vendor tells from a MAC address who made the network card: what
// virtual machines and random addresses look like is built in, the rest is in
// IEEE's list, where that is installed.
package vendor

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"

	"pve-iplease/internal/pve"
)

// Debian is where the package ieee-data keeps IEEE's list of prefixes.
const Debian = "/usr/share/ieee-data/oui.txt"

// prefix is the first half of a MAC address, which IEEE sells.
type prefix [3]byte

// builtIn are the prefixes that matter on a Proxmox host: its own for guests
// since 8.0 (PVE's datacenter.cfg, mac_prefix) and those of hypervisors.
var builtIn = map[prefix]string{
	{0xbc, 0x24, 0x11}: "a Proxmox guest",
	{0x52, 0x54, 0x00}: "QEMU",
	{0x00, 0x16, 0x3e}: "Xen",
	{0x00, 0x0c, 0x29}: "VMware",
	{0x00, 0x50, 0x56}: "VMware",
	{0x00, 0x15, 0x5d}: "Hyper-V",
	{0x08, 0x00, 0x27}: "VirtualBox",
}

// Private is the name for an address that its owner made up, as phones do.
const Private = "random or private address"

// Name tells what kind of host an address belongs to without reading
// anything; empty when that is not built in.
func Name(m pve.MAC) string {
	name, ok := builtIn[prefix(m[:3])]
	switch {
	case ok:
		return name
	case m[0]&2 != 0: // IEEE 802: locally administered
		return Private
	}
	return ""
}

// List is IEEE's list of prefixes, read when it is needed first. A nil List
// knows what is built in.
type List struct {
	path string

	mu    sync.Mutex
	read  bool
	text  []byte
	known map[prefix]string // what was looked up: the list is long, and a scan asks a thousand times
}

// Open names the file that the list is in. That it can't be read is no error:
// not every host has it.
func Open(path string) *List { return &List{path: path} }

// maxSize bounds what is read; the list has 6 MB.
const maxSize = 64 << 20

// Name tells what kind of host an address belongs to, as a foreign string;
// empty when nobody knows.
func (l *List) Name(m pve.MAC) string {
	if name := Name(m); name != "" || l == nil {
		return name
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.read {
		l.read, l.known = true, map[prefix]string{}
		if info, err := os.Stat(l.path); err == nil && info.Mode().IsRegular() && info.Size() <= maxSize {
			l.text, _ = os.ReadFile(l.path)
		}
	}
	p := prefix(m[:3])
	name, ok := l.known[p]
	if !ok {
		name = lookup(l.text, p)
		l.known[p] = name
	}
	return name
}

// resold are prefixes that IEEE cut in smaller pieces, which are in other lists.
const resold = "IEEE Registration Authority"

// lookup finds the line B8-27-EB   (hex)		NAME.
func lookup(text []byte, p prefix) string {
	_, rest, found := bytes.Cut(text, fmt.Appendf(nil, "\n%02X-%02X-%02X   (hex)", p[0], p[1], p[2]))
	if !found {
		return ""
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	name := strings.TrimSpace(string(line))
	if name == resold {
		return ""
	}
	return name
}
