package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// socket is the wire as the kernel gives it.
type socket struct {
	conn *packet.Conn
	tag  uint16 // of the frames sent; 0 for none
	buf  [frameLength]byte
}

// receiveBuffer holds the answers of a whole /20 at once; with the kernel's
// default 1,642 of 4,094 were lost.
const receiveBuffer = 4 << 20

// listen opens a packet socket on an interface, with or without IPv4, for the
// frames of one VLAN, 0 for untagged ones. It hears nothing until it is told
// what to. It takes all protocols, not just ARP: for those the kernel has
// already taken VLAN tags off when the filter runs (net/core/dev.c,
// __netif_receive_skb_core).
func listen(ifi *net.Interface, tag uint16) (*socket, error) {
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: deaf()})
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("probing on %s needs root or CAP_NET_RAW: %w", ifi.Name, errno(err))
	}
	if err != nil {
		return nil, fmt.Errorf("probing on %s: %w", ifi.Name, errno(err))
	}
	if err := tune(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("probing on %s: %w", ifi.Name, err), conn.Close())
	}
	return &socket{conn: conn, tag: tag}, nil
}

// tune makes the socket big, and deaf to what this host sends itself, which
// can be a lot.
func tune(conn *packet.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var opt error
	err = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
		opt = errors.Join(opt, unix.SetsockoptInt(int(fd), unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1))
	})
	return errors.Join(err, opt)
}

// hear implements hearer.
func (s *socket) hear(filter []bpf.RawInstruction) error { return s.conn.SetBPF(filter) }

// vlan implements hearer.
func (s *socket) vlan() uint16 { return s.tag }

// send implements wire.
func (s *socket) send(frame []byte) error {
	if s.tag != 0 {
		frame = tagged(frame, s.tag)
	}
	_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast})
	return err
}

// receive implements wire.
func (s *socket) receive(ctx context.Context, until time.Time) ([]byte, error) {
	if !time.Now().Before(until) {
		return s.waiting()
	}
	if err := s.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	n, _, err := s.conn.ReadFrom(s.buf[:])
	if err != nil {
		return nil, err
	}
	return s.buf[:n], nil
}

// waiting takes a frame that has already come. A read with a deadline does not
// look when the deadline is over, and a process that had to wait for the
// processor would take the answer for silence.
func (s *socket) waiting() ([]byte, error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var n int
	var got error
	err = raw.Control(func(fd uintptr) {
		n, _, got = unix.Recvfrom(int(fd), s.buf[:], unix.MSG_DONTWAIT)
	})
	switch {
	case errors.Is(got, unix.EAGAIN), errors.Is(got, unix.EINTR):
		return nil, cmp.Or(err, error(os.ErrDeadlineExceeded))
	case got != nil || err != nil:
		return nil, errors.Join(err, got)
	}
	return s.buf[:n], nil
}

// lost implements wire.
func (s *socket) lost() (uint32, error) {
	stats, err := s.conn.Stats()
	if err != nil {
		return 0, err
	}
	return stats.Drops, nil
}

// errno takes the kernel's word out of the wrapping that the network packages
// give it; the address in that says nothing to a person.
func errno(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}
