package probe

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"pve-iplease/internal/pve"
)

// Port is where we listen: a bridge, or a port of it. It belongs to one
// goroutine.
type Port struct {
	name      string
	mac       pve.MAC // that probes are sent from
	guest     pve.MAC // and in turn this one, by a port like the guest's; zero: none
	bridgeMAC pve.MAC // when we opened
	declared  []string
	closed    bool
	unasked   string // who can't be asked here, which leaves a doubt about all; empty: nobody
	opening   look   // at the bridge, when we opened
	opened    time.Time
	wire      wire
	ear       ingress // nil: nobody can say by which port a frame came in
	vlan      uint16  // of frames at the ports, 0 for untagged ones
	bridge    bridge
	shared    *Budget // of ARP, of all on the uplink; nil: nobody else is there
	budget    budget  // of ARP
	budget6   budget  // of neighbour discovery
	off       func(jitter time.Duration) time.Duration
	close     func()
}

// wire carries frames; a packet socket, or a fake in tests.
type wire interface {
	send(frame []byte) error
	// receive returns a frame that has come or comes before until; after
	// that os.ErrDeadlineExceeded, also when ctx ends. The frame is good
	// until the next call.
	receive(ctx context.Context, until time.Time) ([]byte, error)
	// lost counts frames that came and were dropped since the last call.
	lost() (uint32, error)
}

// bridge shows the state that probes depend on.
type bridge interface{ look() (view, error) }

// Open starts listening at a place, whose bridge may lack IPv4. declared names
// the ports that the host's configuration gives the bridge: without any, and
// without an uplink in the kernel, it is a closed network.
func Open(at Place, declared []string) (*Port, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	p, err := at.open(declared)
	if err == nil {
		p.shared = at.Budget
	}
	return p, err
}

// port puts a port together.
func (b *kernelBridge) port(w wire, mac pve.MAC, declared []string, closeWire func()) *Port {
	p := &Port{
		name: b.name, mac: mac, bridgeMAC: b.self.mac, declared: declared,
		wire: w, bridge: b, off: deviate, vlan: cmp.Or(b.vlan, b.tag),
		close: func() { closeWire(); b.close() },
	}
	e := newIngressSocket(b.socket.GetFd())
	p.ear, p.close = e, func() { closeWire(); e.rest(); b.close() }
	p.opened, p.opening = time.Now(), p.look()
	if p.opening.err == nil {
		p.closed, _ = p.opening.judge(declared)
	}
	return p
}

// deviate picks how much one interval is off.
func deviate(jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	return rand.N(2*jitter) - jitter
}

// MAC is the address that probes are sent from: the bridge's own, or a
// stand-in for the place's, where the port is one like the guest's.
func (p *Port) MAC() pve.MAC { return p.mac }

// Closed reports whether the bridge had no uplink when it was opened: its
// guests are all there is on that network.
func (p *Port) Closed() bool { return p.closed }

// Close stops listening; it does not wait for the kernel.
func (p *Port) Close() { p.close() }
