package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Guest is one NIC inside a running container.
type Guest struct {
	PID    int     // of a process in the container
	Device string  // as the container calls it, eth0
	Budget *Budget // of the uplink, as for probes; nil: any
}

// announcements is how often an address is announced: a neighbour may miss
// one (RFC 5227 §2.3, RFC 4861 §7.2.6).
const (
	announcements    = 3
	announceInterval = 100 * time.Millisecond
	// announceUp is how long a device that is down is waited for, and
	// announceRetry how often it is looked at.
	announceUp    = time.Second
	announceRetry = 10 * time.Millisecond
	// announceEnd is how long after ctx the reason is waited for.
	announceEnd = 100 * time.Millisecond
)

// Announce tells the neighbours of a container which MAC its addresses have
// now, from inside it, by its own device: they may still have another one in
// their caches. A guest brings its device up some time after it has started,
// which is waited for up to a second; then it takes a quarter of a second, and
// until the uplink's budget has turns for it. It ends with ctx, which is no error
// once each address was announced.
func Announce(ctx context.Context, g Guest, addrs []netip.Addr) error {
	done := make(chan error, 1)
	go func() {
		conn, mac, err := g.enter()
		if err == nil {
			err = g.announce(ctx, conn, mac, addrs)
			go conn.Close() // beside the caller: the kernel takes some 15 ms for it
		}
		done <- err
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(announceEnd):
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("announcing on %s: %w", g.Device, errno(err))
	}
	return nil
}

// enter opens a packet socket on the container's device. The thread that goes
// into the container's network does not come back: the runtime ends it with
// its goroutine, the socket stays.
func (g Guest) enter() (*packet.Conn, pve.MAC, error) {
	type entered struct {
		conn *packet.Conn
		mac  pve.MAC
		err  error
	}
	out := make(chan entered)
	go func() {
		runtime.LockOSThread()
		conn, mac, err := g.openInside()
		out <- entered{conn, mac, err}
	}()
	e := <-out
	return e.conn, e.mac, e.err
}

// openInside moves the calling thread into the container's network.
func (g Guest) openInside() (*packet.Conn, pve.MAC, error) {
	var mac pve.MAC
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", g.PID))
	if err != nil {
		return nil, mac, err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, mac, os.NewSyscallError("setns", err)
	}
	ifi, err := net.InterfaceByName(g.Device)
	if err != nil {
		return nil, mac, err
	}
	if len(ifi.HardwareAddr) != len(mac) {
		return nil, mac, errors.New("no Ethernet device")
	}
	conn, err := packet.Listen(ifi, packet.Raw, 0, nil) // protocol 0: hears nothing
	return conn, pve.MAC(ifi.HardwareAddr), err
}

// announce sends all announcements, spread in time.
func (g Guest) announce(ctx context.Context, conn *packet.Conn, mac pve.MAC, addrs []netip.Addr) error {
	if err := g.awaitUp(ctx, conn); err != nil {
		return err
	}
	for round := range announcements {
		if round > 0 {
			if err := pause(ctx, time.Now().Add(announceInterval)); err != nil {
				return nil // all are out once
			}
		}
		for _, a := range addrs {
			if err := g.announceOnce(ctx, conn, mac, a); err != nil {
				if late := ctx.Err() != nil || errors.Is(err, errLate); round > 0 && late {
					return nil
				}
				return err
			}
		}
	}
	return nil
}

// announceOnce sends one announcement when it is its turn.
func (g Guest) announceOnce(ctx context.Context, conn *packet.Conn, mac pve.MAC, a netip.Addr) error {
	frame, err := announcementFrame(mac, a)
	if err != nil {
		return err
	}
	if a.Is4() {
		if err := g.Budget.await(ctx); err != nil {
			return err
		}
	}
	_, err = conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast})
	return err
}

// awaitUp waits for a device that is down. It looks at the flags: a frame that
// is tried would take a turn each time.
func (g Guest) awaitUp(ctx context.Context, conn *packet.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	flags, err := unix.NewIfreq(g.Device)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, announceUp)
	defer cancel()
	for {
		var got error
		if err := raw.Control(func(fd uintptr) { got = unix.IoctlIfreq(int(fd), unix.SIOCGIFFLAGS, flags) }); err != nil || got != nil {
			return errors.Join(err, got)
		}
		if flags.Uint16()&unix.IFF_UP != 0 {
			return nil
		}
		if pause(ctx, time.Now().Add(announceRetry)) != nil {
			return unix.ENETDOWN
		}
	}
}

// announcementFrame is an ARP announcement (RFC 5227 §2.3), or an unsolicited
// neighbour advertisement that overrides what is cached (RFC 4861 §7.2.6).
func announcementFrame(mac pve.MAC, addr netip.Addr) ([]byte, error) {
	if addr.Is4() {
		p, err := arp.NewPacket(arp.OperationRequest, mac[:], addr, make(net.HardwareAddr, len(mac)), addr)
		if err != nil {
			return nil, err
		}
		return arpFrame(mac, p)
	}
	m := &ndp.NeighborAdvertisement{
		Override: true, TargetAddress: addr,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac[:]}},
	}
	all := netip.IPv6LinkLocalAllNodes()
	body, err := ndp.MarshalMessageChecksum(m, addr, all)
	if err != nil {
		return nil, err
	}
	return packetFrame(mac, addr, all, protocolICMPv6, ndHopLimit, body)
}
