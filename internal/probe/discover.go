package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/net/bpf"

	"pve-iplease/internal/pve"
)

// Times of a search for DHCP servers. Some ping an address before they offer
// it: ISC dhcpd for one second, dnsmasq for three.
const (
	OfferPatience = 4 * time.Second // for the first offer
	offerMore     = time.Second     // for those of other servers after it
)

// Discover asks once for DHCP servers and returns what they offer, in the order
// of their addresses. Nothing is ever requested: the servers forget their
// offers within minutes. Servers on this very host are not heard where the
// bridge itself is asked. It works without IPv4 on the bridge, as answers come
// to everybody (RFC 2131 §4.1, the BROADCAST bit).
func (p *Port) Discover(ctx context.Context, patience time.Duration) ([]Offer, error) {
	if _, nobody := p.wire.(hushWire); nobody {
		return nil, nil
	}
	come, err := p.hearOffers()
	if err != nil {
		return nil, fmt.Errorf("asking for DHCP servers on %s: %w", p.name, err)
	}
	defer come.rest()
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	id := binary.BigEndian.Uint32(random[:])
	client := Place{}.standIn(p.bridgeMAC) // not the bridge's own, for which a server may have a reservation
	if err := p.wire.send(discoverFrame(p.mac, client, id)); err != nil {
		return nil, fmt.Errorf("asking for DHCP servers on %s: %w", p.name, errno(err))
	}
	return p.offers(ctx, id, time.Now().Add(patience), come)
}

// offers collects answers until nobody else is expected.
func (p *Port) offers(ctx context.Context, id uint32, until time.Time, come *trail) (all []Offer, err error) {
	for {
		frame, err := p.wire.receive(ctx, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			slices.SortFunc(all, func(a, b Offer) int { return cmp.Or(a.Server.Compare(b.Server), a.Addr.Compare(b.Addr)) })
			return all, ctx.Err()
		case err != nil:
			return all, fmt.Errorf("listening for DHCP servers on %s: %w", p.name, errno(err))
		}
		o, err := parseOffer(frame, id)
		if err != nil || slices.ContainsFunc(all, func(x Offer) bool { return x.Server == o.Server && x.Addr == o.Addr }) {
			continue
		}
		if come != nil {
			for _, port := range come.of(frame) {
				o.Port = port.name
			}
		}
		all = append(all, o)
		if more := time.Now().Add(offerMore); more.Before(until) {
			until = more
		}
	}
}

// Offer is what a DHCP server would give a new host.
type Offer struct {
	Server  netip.Addr
	MAC     pve.MAC // who sent it: the server, or a relay
	Port    string  // of the bridge; empty: unknown
	Addr    netip.Addr
	Bits    int           // of the subnet; 0: not told
	Gateway netip.Addr    // invalid: not told
	Time    time.Duration // how long the address would be the host's
}

// hearOffers begins to hear what is offered, and by which port it comes.
func (p *Port) hearOffers() (*trail, error) {
	h, ok := p.wire.(hearer)
	if !ok {
		return nil, errors.New("this wire carries ARP only")
	}
	f, err := offerFilter(ofVLAN(h.vlan()))
	if err != nil {
		return nil, err
	}
	var come *trail
	if before := p.look(); before.err == nil {
		come = p.trail(before.view)
	}
	if any, err := offerFilter(nil); err == nil && come != nil {
		come.listen(any)
	}
	return come, h.hear(f)
}

// offerFilter lets pass what is sent to a DHCP client, with what a frame must
// be beside; see filter.
func offerFilter(beside []bpf.Instruction) ([]bpf.RawInstruction, error) {
	const (
		protocolOffset = 14 + 9
		fragmentOffset = 14 + 6
	)
	return bpf.Assemble(slices.Concat(
		[]bpf.Instruction{bpf.LoadAbsolute{Off: etherTypeOffset, Size: 2}},
		must(bpf.JumpEqual, etherTypeIPv4),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: protocolOffset, Size: 1}},
		must(bpf.JumpEqual, protocolUDP),
		[]bpf.Instruction{bpf.LoadAbsolute{Off: fragmentOffset, Size: 2}},
		must(bpf.JumpBitsNotSet, 0x1fff),
		[]bpf.Instruction{bpf.LoadMemShift{Off: 14}, bpf.LoadIndirect{Off: 14 + 2, Size: 2}},
		must(bpf.JumpEqual, dhcpClientPort),
		beside,
		[]bpf.Instruction{bpf.RetConstant{Val: frameLength}},
	))
}
