package probe

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"

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
}

// arrival is where a frame came in.
type arrival struct {
	index int    // of the device
	tag   uint16 // VLAN ID, 0 for untagged
}

// ingressSocket is a packet socket on no device: for all protocols such a socket gets a
// frame at the device that it comes in on, before the bridge takes it there
// (net/core/dev.c, __netif_receive_skb_core). One on the bridge gets it
// afterwards, and no more knows the port; the forwarding table shows where a
// MAC was used last, also by somebody whose it isn't. An open ear costs each
// packet of the host 0.1 µs, so it is open for milliseconds. It belongs to one
// goroutine.
type ingressSocket struct {
	of  int // a socket in the network namespace where to listen
	fd  int // closed: none is open
	buf [frameLength]byte
	oob []byte
}

const closed = -1

// newIngressSocket is a closed ear, for the network namespace of a socket.
func newIngressSocket(of int) *ingressSocket {
	return &ingressSocket{of: of, fd: closed, oob: make([]byte, unix.CmsgSpace(auxdataLength))}
}

// listen implements ingress. A new socket is bound at once; to bind one that
// was bound before takes the kernel some 10 ms.
func (e *ingressSocket) listen(filter []bpf.RawInstruction) error {
	e.rest()
	fd := closed
	err := inNamespaceOf(e.of, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return err
	}
	e.fd = fd
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) // a small one only names fewer ports
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		e.attach(filter),
	)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)})
	}
	if err != nil {
		e.rest()
	}
	return err
}

// rest implements ingress.
func (e *ingressSocket) rest() {
	if fd := e.fd; fd != closed {
		e.fd = closed
		go unix.Close(fd)
	}
}

// networkOrder is how the kernel wants a protocol's number.
func networkOrder(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// inNamespaceOf calls f in the network namespace of a socket, which is nearly
// always that of the process.
func inNamespaceOf(socket int, f func() error) error {
	there, err := unix.IoctlRetInt(socket, unix.SIOCGSKNS)
	if err != nil {
		return os.NewSyscallError("SIOCGSKNS", err)
	}
	defer unix.Close(there)
	runtime.LockOSThread()
	here, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return &os.PathError{Op: "open", Path: "/proc/thread-self/ns/net", Err: err}
	}
	defer unix.Close(here)
	if same(here, there) {
		defer runtime.UnlockOSThread()
		return f()
	}
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return os.NewSyscallError("setns", err)
	}
	err = f()
	if back := unix.Setns(here, unix.CLONE_NEWNET); back == nil {
		runtime.UnlockOSThread() // or else the thread ends with its goroutine
	}
	return err
}

// same reports whether two descriptors are of one namespace (namespaces(7)).
func same(x, y int) bool {
	var a, b unix.Stat_t
	return unix.Fstat(x, &a) == nil && unix.Fstat(y, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

func (e *ingressSocket) attach(filter []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(filter))
	for i, r := range filter {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(e.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// next implements ingress.
func (e *ingressSocket) next() ([]byte, arrival, error) {
	if e.fd == closed {
		return nil, arrival{}, os.ErrDeadlineExceeded
	}
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
