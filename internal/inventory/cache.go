package inventory

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/filelock"
	"pve-iplease/internal/lease"
)

// cache is the file that keeps parsed configs from one process to the next.
// It is worth nothing but time: what can't be read is read from the configs
// again. Numbers are varints (encoding/binary), texts and addresses follow
// their length:
//
//	the format's name, number of guests, of MAC addresses and of uses in all
//	a guest: node, kind, number, version, name, flags, MAC addresses, uses
//	a use:   address, interface, bridge, tag, part of the config
//	whether this node's own addresses are known, their number, each
//	whether the SDN's IPAM file is known, its name, version, number of entries
//	an entry: address, guest, MAC address, whether it is a gateway
type cache string

// memory is what is kept: what was last read of everything, which stands in
// for what can't be read now.
type memory struct {
	seen  map[place]*parsed
	own   ownAddrs
	given given
}

// cacheFormat begins the file; another version of the program may keep other
// fields.
const cacheFormat = "pve-iplease inventory 3\n"

// The flags of a guest.
const (
	isTemplate = 1 << iota
	isHooked
)

// save writes the cache, readable by root alone. It isn't synced: a machine
// that lost power has another boot, and /run begins empty.
func (c cache) save(m memory) {
	if c == "" {
		return
	}
	data := encode(m)
	_ = os.MkdirAll(filepath.Dir(string(c)), 0o700)
	f, err := renameio.NewPendingFile(string(c), renameio.WithTempDir(filepath.Dir(string(c))), renameio.WithPermissions(0o600))
	if err != nil {
		return
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(data); err == nil {
		_ = f.CloseAtomicallyReplace()
	}
}

// young reports whether the cache was saved within the last second.
func (c cache) young() bool {
	info, err := os.Stat(string(c))
	return err == nil && time.Since(info.ModTime()) < time.Second
}

// encode writes down what was read.
func encode(m memory) []byte {
	guests, macs, uses := 0, 0, 0
	for _, p := range m.seen {
		if p := p.known(); p != nil {
			guests, macs, uses = guests+1, macs+len(p.guest.MACs), uses+len(p.uses)
		}
	}
	b := make([]byte, 0, 1024+80*guests+30*uses+40*len(m.given.entries))
	b = append(b, cacheFormat...)
	for _, n := range [...]int{guests, macs, uses} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for at, p := range m.seen {
		if last := p.known(); last != nil {
			b = appendGuest(b, at, last, p.err == nil && !p.young)
		}
	}
	return appendGiven(appendOwn(b, m.own), m.given)
}

// appendGuest writes no version that can't be believed: without one it is told
// at least that the guest exists, and what it last said.
func appendGuest(b []byte, at place, p *parsed, current bool) []byte {
	b = appendText(b, at.node)
	b = binary.AppendUvarint(b, uint64(at.kind))
	b = binary.AppendUvarint(b, uint64(at.vmid))
	v := p.version
	if !current {
		v = version{}
	}
	b = appendVersion(b, v)
	b = appendText(b, p.guest.Name)
	var flags uint64
	if p.guest.Template {
		flags |= isTemplate
	}
	if p.guest.Hooked {
		flags |= isHooked
	}
	b = binary.AppendUvarint(b, flags)
	b = binary.AppendUvarint(b, uint64(len(p.guest.MACs)))
	for _, m := range p.guest.MACs {
		b = append(b, m[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(p.uses)))
	for i := range p.uses {
		b = appendUse(b, &p.uses[i])
	}
	return b
}

// appendUse leaves out what the guest's place says already.
func appendUse(b []byte, u *lease.Use) []byte {
	b = binary.AppendUvarint(appendAddr(b, u.Addr), uint64(u.Owner.NIC))
	b = appendText(b, u.Segment.Bridge)
	b = binary.AppendUvarint(b, uint64(u.Segment.Tag))
	return binary.AppendUvarint(b, uint64(u.Where))
}

func appendVersion(b []byte, v version) []byte {
	for _, n := range v {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func appendFlag(b []byte, is bool) []byte {
	return binary.AppendUvarint(b, map[bool]uint64{true: 1}[is])
}

func appendAddr(b []byte, a netip.Addr) []byte {
	addr, _ := a.MarshalBinary() // never fails
	return appendText(b, string(addr))
}

func appendOwn(b []byte, own ownAddrs) []byte {
	b = binary.AppendUvarint(appendFlag(b, own.known), uint64(len(own.addrs)))
	for _, a := range own.addrs {
		b = appendAddr(b, a)
	}
	return b
}

func appendGiven(b []byte, g given) []byte {
	b = appendVersion(appendText(appendFlag(b, g.known), g.file), g.version)
	b = binary.AppendUvarint(b, uint64(len(g.entries)))
	for _, e := range g.entries {
		b = binary.AppendUvarint(appendAddr(b, e.Addr), uint64(e.VMID))
		b = appendFlag(append(b, e.MAC[:]...), e.Gateway)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// lockPatience is how long another process may read before everybody reads for
// himself; 2,000 configs take half a second.
const lockPatience = 5 * time.Second

// lock keeps other processes of this node from reading configs for the cache
// at the same time.
func (c cache) lock(ctx context.Context) (unlock func()) {
	if c == "" {
		return func() {}
	}
	return filelock.Within(ctx, lockPatience, string(c)+".lock")
}
