package probe

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"golang.org/x/net/bpf"
)

// trail tells by which port of the bridge frames came in, while its ear is
// open. A frame that is heard at the bridge was heard at its port before: so
// who spoke is known although MACs and addresses can be forged.
type trail struct {
	ear   ingress
	open  bool
	since time.Time
	young bool         // what is heard now may have come before the ear was open
	ports map[int]port // of the bridge, by index
	vlan  uint16       // that is asked, 0 for untagged frames
	came  map[string][]port
	count map[string]int // frames by name of the port
}

// maxTrail is how many frames are remembered; a sweep of a /16 has as many.
const maxTrail = 1 << 16

// trail begins one; nil where ports can't be told.
func (p *Port) trail(v view) *trail {
	if p.ear == nil {
		return nil
	}
	t := &trail{ear: p.ear, vlan: p.vlan, ports: make(map[int]port, len(v.ports)), came: map[string][]port{}, count: map[string]int{}}
	for _, q := range v.ports {
		t.ports[q.index] = q
	}
	return t
}

// listen opens the ear. Where it can't be, ports are unknown.
func (t *trail) listen(filter []bpf.RawInstruction) {
	t.open, t.since = t.ear.listen(filter) == nil, time.Now()
}

// rest closes the ear.
func (t *trail) rest() {
	if t != nil && t.open {
		t.open = false
		t.ear.rest()
	}
}

// of lists the ports at which a frame came in: one, or several when one is a
// copy of another; none when it did not come through a port.
func (t *trail) of(frame []byte) []port {
	t.follow()
	return t.came[string(unsummed(frame))]
}

// unsummed is a frame without its UDP checksum. A guest leaves that to its
// device, and the kernel fills it in on the way from the bridge to a tap
// (net/core/dev.c, validate_xmit_skb): so two copies of a frame may differ.
func unsummed(frame []byte) []byte {
	const protocolAt, checksumAt = ipStart + 9, 6
	if len(frame) <= protocolAt || binary.BigEndian.Uint16(frame[etherTypeOffset:]) != etherTypeIPv4 || frame[protocolAt] != protocolUDP {
		return frame
	}
	at := ipStart + int(frame[ipStart]&0x0f)*4 + checksumAt
	if len(frame) < at+2 {
		return frame
	}
	frame = slices.Clone(frame)
	clear(frame[at : at+2])
	return frame
}

// follow takes in what the ear has heard.
func (t *trail) follow() {
	for range maxWaiting {
		frame, at, err := t.ear.next()
		if err != nil {
			return
		}
		q, ok := t.ports[at.index]
		if !ok || !q.carries(at.tag, t.vlan) {
			continue
		}
		t.count[q.name]++
		if len(t.came) >= maxTrail {
			clear(t.came)
		}
		key := unsummed(frame)
		if known := t.came[string(key)]; !slices.ContainsFunc(known, q.same) {
			t.came[string(key)] = append(known, q)
		}
	}
}

// carries reports whether a frame that comes in with a tag, 0 for none,
// belongs to the VLAN that is asked.
func (p port) carries(tag, vlan uint16) bool {
	return !p.apart && (tag == vlan || tag == 0 && p.native)
}

// loudest is the port at which most frames came in, as words at the end of a
// sentence. An ear that was closed listens for a moment.
func (t *trail) loudest(filter []bpf.RawInstruction) string {
	const moment = 10 * time.Millisecond
	if t == nil {
		return ""
	}
	if !t.open {
		t.listen(filter)
		time.Sleep(moment)
	}
	t.follow()
	t.rest()
	name, most, all := "", 0, 0
	for p, n := range t.count {
		all += n
		if n > most || n == most && p < name {
			name, most = p, n
		}
	}
	if most*2 <= all {
		return ""
	}
	return fmt.Sprintf("; %d of %d that came by a port came by %s", most, all, name)
}
