package probe

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ingress hears frames where they come into this host.
type ingress interface {
	listen([]bpf.RawInstruction) error
	rest() // hears nothing more; does not wait for the kernel
	// next is a frame that has come, without its VLAN tag, good until the next
	// call; none left is os.ErrDeadlineExceeded.
	next() (frame []byte, at arrival, err error)
	close()
}

// arrival is where a frame came in.
type arrival struct {
	index int    // of the device
	tag   uint16 // VLAN ID, 0 for untagged
}

// ear is a packet socket on no device: for all protocols such a socket gets a
// frame at the device that it comes in on, before the bridge takes it there
// (net/core/dev.c, __netif_receive_skb_core). One on the bridge gets it
// afterwards, and no more knows the port; the forwarding table shows where a
// MAC was used last, also by somebody whose it isn't. An open ear costs each
// packet of the host 0.1 µs, so it is open for milliseconds.
type ear struct {
	fd   int
	open atomic.Bool
	buf  [frameLength]byte
	oob  []byte

	mu     sync.Mutex // around what changes where it listens
	closed bool
}

// nobodysProtocol is one that no frame has: so a socket that is bound rests
// (linux/if_ether.h, ETH_P_LOOP, reserved for tests of Ethernet itself).
const nobodysProtocol = 0x0060

func newEar() (*ear, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
	)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) // a small one only names fewer ports
	return &ear{fd: fd, oob: make([]byte, unix.CmsgSpace(auxdataLength))}, nil
}

// listen implements ingress.
func (e *ear) listen(filter []bpf.RawInstruction) error {
	if err := e.attach(filter); err != nil {
		return err
	}
	e.open.Store(true)
	return e.bind(unix.ETH_P_ALL)
}

// rest implements ingress. To be bound to something else takes the kernel some
// 10 ms.
func (e *ear) rest() {
	if !e.open.Swap(false) {
		return
	}
	_ = e.attach(deaf())
	go func() {
		_ = e.bind(nobodysProtocol)
	}()
}

// bind says which protocol is heard; one that was overtaken does nothing.
func (e *ear) bind(protocol uint16) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.open.Load() != (protocol == unix.ETH_P_ALL) {
		return nil
	}
	var network [2]byte
	binary.BigEndian.PutUint16(network[:], protocol)
	return unix.Bind(e.fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(network[:])})
}

func (e *ear) attach(filter []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(filter))
	for i, r := range filter {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(e.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// close implements ingress, beside the caller.
func (e *ear) close() {
	go func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.closed = true
		_ = unix.Close(e.fd)
	}()
}

// next implements ingress.
func (e *ear) next() ([]byte, arrival, error) {
	n, m, _, from, err := unix.Recvmsg(e.fd, e.buf[:], e.oob, unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil, arrival{}, os.ErrDeadlineExceeded
	}
	if err != nil {
		return nil, arrival{}, err
	}
	at := arrival{tag: parseAuxdata(e.oob[:m])}
	if link, ok := from.(*unix.SockaddrLinklayer); ok {
		at.index = link.Ifindex
	}
	return e.buf[:n], at, nil
}

// The layout of struct tpacket_auxdata (linux/if_packet.h).
const (
	auxdataLength = 20
	auxdataTCI    = 16
	auxdataTPID   = 18
)

// foreignTag stands for a tag of another kind, as IEEE 802.1ad's: no VLAN has
// this ID.
const foreignTag = 0xffff

// parseAuxdata reads the VLAN tag that the kernel took off a frame.
func parseAuxdata(b []byte) (tag uint16) {
	const (
		vlanValid, tpidValid = 1 << 4, 1 << 6 // TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID
		idMask, customer     = 0x0fff, 0x8100
	)
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < auxdataLength {
			continue
		}
		status := binary.NativeEndian.Uint32(m.Data)
		switch {
		case status&vlanValid == 0:
			return 0
		case status&tpidValid != 0 && binary.NativeEndian.Uint16(m.Data[auxdataTPID:]) != customer:
			return foreignTag
		}
		return binary.NativeEndian.Uint16(m.Data[auxdataTCI:]) & idMask
	}
	return 0
}
