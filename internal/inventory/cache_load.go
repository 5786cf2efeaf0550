package inventory

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// load reads the cache; one that is missing, damaged or of another version is
// empty.
func (c cache) load() memory {
	data, err := fastio.ReadFile(string(c))
	if err == nil {
		if m, ok := decode(string(data)); ok {
			return m
		}
	}
	return memory{seen: map[place]*parsed{}}
}

// decode is the inverse of encode. All texts stay parts of the one that they
// are read from.
func decode(text string) (m memory, ok bool) {
	rest, ok := strings.CutPrefix(text, cacheFormat)
	if !ok {
		return m, false
	}
	d := decoder{rest: rest}
	// What a file can hold at most: damage must not cost memory.
	guests := make([]parsed, d.number(len(rest)/12))
	d.macs = make([]pve.MAC, 0, d.number(len(rest)/6))
	d.uses = make([]lease.Use, 0, d.number(len(rest)/6))
	m.seen = make(map[place]*parsed, len(guests))
	for i := range guests {
		at := d.guest(&guests[i])
		if d.bad {
			return m, false
		}
		m.seen[at] = &guests[i]
	}
	m.own, m.given = d.own(), d.given()
	return m, !d.bad && d.rest == "" && len(m.seen) == len(guests)
}

// decoder takes a cache apart from its beginning on.
type decoder struct {
	rest string
	bad  bool
	macs []pve.MAC // those of all guests, one array
	uses []lease.Use
}

func (d *decoder) guest(p *parsed) (at place) {
	at.node = d.text()
	at.kind = pve.Kind(d.number(int(pve.VM)))
	at.vmid = pve.VMID(d.number(999999999))
	p.version = d.version()
	p.guest = lease.Guest{Kind: at.kind, VMID: at.vmid, Node: at.node, Name: d.text()}
	flags := d.number(isTemplate | isHooked)
	p.guest.Template, p.guest.Hooked = flags&isTemplate != 0, flags&isHooked != 0
	from := len(d.macs)
	for range d.number(cap(d.macs) - from) {
		d.macs = append(d.macs, d.mac())
	}
	p.guest.MACs = d.macs[from:len(d.macs):len(d.macs)]
	from = len(d.uses)
	for range d.number(cap(d.uses) - from) {
		d.uses = append(d.uses, d.use(at))
	}
	p.uses = d.uses[from:len(d.uses):len(d.uses)]
	return at
}

func (d *decoder) use(at place) (u lease.Use) {
	u.Addr = d.addr()
	u.Owner = pve.Owner{Kind: at.kind, VMID: at.vmid, NIC: d.number(255)}
	u.Segment = pve.Segment{Bridge: d.text(), Tag: uint16(d.number(math.MaxUint16)), Nodes: at.node}
	u.Where = lease.Where(d.number(int(lease.Snapshot)))
	return u
}

func (d *decoder) own() (own ownAddrs) {
	own.known = d.flag()
	for range d.number(len(d.rest) / 2) {
		own.addrs = append(own.addrs, d.addr())
	}
	return own
}

func (d *decoder) given() (g given) {
	g.known, g.file, g.version = d.flag(), d.text(), d.version()
	for range d.number(len(d.rest) / 8) {
		e := IPAMEntry{Addr: d.addr(), VMID: pve.VMID(d.number(999999999)), MAC: d.mac(), Gateway: d.flag()}
		g.entries = append(g.entries, e)
	}
	return g
}

func (d *decoder) flag() bool { return d.number(1) == 1 }

func (d *decoder) version() (v version) {
	for i := range v {
		v[i] = d.signed()
	}
	return v
}

// number takes one that is most at most; anything else is bad and counts as 0.
func (d *decoder) number(most int) int {
	var n uint64
	for shift := 0; ; shift += 7 {
		if d.rest == "" || shift > 56 {
			d.bad = true
			return 0
		}
		b := d.rest[0]
		d.rest = d.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if n > uint64(most) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen64)]))
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text() string {
	n := d.number(len(d.rest))
	if n > len(d.rest) {
		d.bad = true
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) mac() (m pve.MAC) {
	d.bad = copy(m[:], d.rest) < len(m) || d.bad
	d.rest = d.rest[min(len(m), len(d.rest)):]
	return m
}

func (d *decoder) addr() (a netip.Addr) {
	s := d.text()
	if len(s) == 4 {
		return netip.AddrFrom4([4]byte([]byte(s)))
	}
	d.bad = a.UnmarshalBinary([]byte(s)) != nil || !a.IsValid() || d.bad
	return a
}
