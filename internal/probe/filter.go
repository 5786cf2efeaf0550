package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/mdlayher/ethernet"
	"golang.org/x/net/bpf"
)

// snapLength is how much of a frame the kernel hands over: ARP needs 42 bytes,
// a neighbour advertisement with its options rarely over 100.
const snapLength = 256

// frameLength is a whole frame without a VLAN tag.
const frameLength = 1514

// topic is what of ARP there is to hear: any word about some addresses, and what
// some hosts say themselves. The zero topic is everything.
type topic struct{ about, from []netip.Addr }

func (t topic) size() int { return len(t.about) + len(t.from) }

// filter lets ARP and IPv6 neighbour solicitations and advertisements of one
// VLAN pass; of ARP only what belongs to the topic.
func filter(tag uint16, t topic) ([]bpf.RawInstruction, error) {
	const (
		packetOffset  = 14
		solicitation  = 135 // RFC 4861 §4.3
		advertisement = 136
	)
	arp := t.only()
	six := slices.Concat(
		must(bpf.JumpEqual, uint32(ethernet.EtherTypeIPv6)),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: packetOffset + nextHeaderOffset, Size: 1}},
		must(bpf.JumpEqual, protocolICMPv6),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: packetOffset + headerLength, Size: 1}},
		must(bpf.JumpGreaterOrEqual, solicitation),
		must(bpf.JumpLessOrEqual, advertisement),
		[]bpf.Instruction{bpf.Jump{Skip: uint32(len(arp))}},
	)
	return bpf.Assemble(slices.Concat([]bpf.Instruction{
		bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ethernet.EtherTypeARP), SkipTrue: uint8(len(six))},
	}, six, arp, ofVLAN(tag), []bpf.Instruction{bpf.RetConstant{Val: snapLength}}))
}

const etherTypeOffset = 12

// maxAbout is how many addresses a filter can name: a jump is at most 255 long.
const maxAbout = 120

// only goes on with an ARP packet that belongs to the topic (RFC 826); with all,
// when that names no or too many addresses.
func (t topic) only() (prog []bpf.Instruction) {
	const senderOffset, targetOffset = 14 + 14, 14 + 24
	if t.size() == 0 || t.size() > maxAbout {
		return nil
	}
	end := 3 + t.size() + len(t.about)
	oneOf := func(offset uint32, addrs []netip.Addr) {
		prog = append(prog, bpf.LoadAbsolute{Off: offset, Size: 4})
		for _, a := range addrs {
			b := a.As4()
			prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(b[:]), SkipTrue: uint8(end - len(prog) - 1)})
		}
	}
	oneOf(senderOffset, slices.Concat(t.about, t.from))
	oneOf(targetOffset, t.about)
	return append(prog, bpf.RetConstant{Val: 0})
}

// ofVLAN goes on with the frames of one VLAN; 0 is what comes untagged or with
// a priority tag (VLAN 0). The kernel takes a VLAN tag out of the frame before a
// socket sees it, so the tag must be asked for: an ARP packet of another VLAN
// looks like one of ours.
func ofVLAN(tag uint16) []bpf.Instruction {
	const vlanIDMask = 0x0fff
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2}, // the zero counts as the VLAN ID
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIDMask},
	}, must(bpf.JumpEqual, uint32(tag))...)
}

// must drops the frame unless what was loaded last compares so.
func must(cond bpf.JumpTest, value uint32) []bpf.Instruction {
	return []bpf.Instruction{bpf.JumpIf{Cond: cond, Val: value, SkipTrue: 1}, bpf.RetConstant{Val: 0}}
}
