package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// hub is the one switch port behind which all scripted strangers of a LAN
// live; what one sends, its neighbours behind the hub don't hear.
type hub struct {
	conn *packet.Conn
	echo *packet.Conn // for pings; mostly nil
	six  *packet.Conn // for neighbour solicitations; mostly nil

	mu        sync.RWMutex
	strangers []*Stranger
	nosy      []*Stranger                // those that answer for every address
	owners    map[netip.Addr][]*Stranger // the others, by what they answer for
}

// hubDevice is the hub's end of its cable.
const hubDevice = "hub"

// openHub plugs the hub in with the first stranger. The caller holds l.mu.
func (l *LAN) openHub() error {
	if l.hub != nil {
		return nil
	}
	if err := l.sw.plug(switchName, "strangers", l.sw, hubDevice, RandomMAC()); err != nil {
		return err
	}
	conn, err := l.sw.listen(hubDevice)
	if err != nil {
		return err
	}
	l.hub = &hub{conn: conn, owners: map[netip.Addr][]*Stranger{}}
	go l.hub.run()
	return nil
}

// listen opens a packet socket for ARP on a device of the namespace.
func (n *Namespace) listen(device string) (*packet.Conn, error) {
	return n.hear(device, ethernet.EtherTypeARP)
}

// hear opens a packet socket for what a device carries of a protocol.
func (n *Namespace) hear(device string, proto ethernet.EtherType) (*packet.Conn, error) {
	ifi, err := n.Interface(device)
	if err != nil {
		return nil, err
	}
	var conn *packet.Conn
	err = n.Do(func() (err error) {
		conn, err = packet.Listen(ifi, packet.Raw, int(proto), nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packet socket on %s: %w", device, err)
	}
	return conn, errors.Join(conn.SetPromiscuous(true), widen(conn))
}

// widen gives a socket room for a burst of requests: the hub must not be the
// one that loses them.
func widen(conn *packet.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) // without rights it stays small
	})
	return nil
}

// run hands every request on the wire to those whom it concerns until close.
func (h *hub) run() {
	buf := make([]byte, 1514)
	for {
		n, _, err := h.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		request, err := parseRequest(buf[:n])
		if err != nil {
			continue
		}
		for _, s := range h.concerned(request.TargetIP) {
			s.hear(request, slices.Clone(buf[:n]))
		}
	}
}

// concerned are the strangers that may answer for an address.
func (h *hub) concerned(a netip.Addr) []*Stranger {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Concat(h.owners[a], h.nosy)
}

// errNoRequest marks frames that a host does not answer.
var errNoRequest = errors.New("no ARP request")

func parseRequest(b []byte) (*arp.Packet, error) {
	var f ethernet.Frame
	if err := f.UnmarshalBinary(b); err != nil {
		return nil, err
	}
	var p arp.Packet
	if err := p.UnmarshalBinary(f.Payload); err != nil {
		return nil, err
	}
	if p.Operation != arp.OperationRequest || p.HardwareAddrLength != 6 || p.IPLength != 4 {
		return nil, errNoRequest
	}
	return &p, nil
}

// send puts a frame on the wire. A LAN that is being closed swallows it, as a
// real one does.
func (h *hub) send(frame []byte) {
	_, _ = h.conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:len(pve.MAC{})]})
}

func (h *hub) add(s *Stranger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strangers = append(h.strangers, s)
	if s.script.All {
		h.nosy = append(h.nosy, s)
		return
	}
	for _, a := range s.script.Addrs {
		h.owners[a] = append(h.owners[a], s)
	}
}

func (h *hub) remove(s *Stranger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	same := func(o *Stranger) bool { return o == s }
	h.strangers = slices.DeleteFunc(h.strangers, same)
	h.nosy = slices.DeleteFunc(h.nosy, same)
	for _, a := range s.script.Addrs {
		h.owners[a] = slices.DeleteFunc(h.owners[a], same)
	}
}

// close ends the strangers. Beside the caller: the kernel takes some 15 ms
// to close a packet socket.
func (h *hub) close() {
	h.mu.RLock()
	strangers := slices.Clone(h.strangers)
	h.mu.RUnlock()
	for _, s := range strangers {
		s.Leave()
	}
	go h.conn.Close()
	if h.echo != nil {
		go h.echo.Close()
	}
	if h.six != nil {
		go h.six.Close()
	}
}
