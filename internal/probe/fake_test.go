package probe

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"golang.org/x/net/bpf"

	"pve-iplease/internal/pve"
)

// The cast of the tests without a network.
var (
	bridgeMAC  = pve.MAC{0xbc, 0x24, 0x11, 0, 0, 1}
	guestMAC   = pve.MAC{0xbc, 0x24, 0x11, 0, 0, 2}
	alice      = pve.MAC{0xbc, 0x24, 0x11, 0, 0, 0xa}
	bob        = pve.MAC{0xbc, 0x24, 0x11, 0, 0, 0xb}
	nobody     = netip.IPv4Unspecified()
	gatewayIP  = netip.MustParseAddr("10.0.0.1")
	candidates = []netip.Addr{netip.MustParseAddr("10.0.0.201"), netip.MustParseAddr("10.0.0.202"), netip.MustParseAddr("10.0.0.203")}
	first      = candidates[0]
)

// rotating begins the MACs of one that has many; it too is heard at eno1.
const rotating = 0x0a

// fakeWire is a wire on which what happens follows from what is sent. It
// lives in a synctest bubble, where time passes only by waiting.
type fakeWire struct {
	t       *testing.T
	queue   chan []byte
	ear     *fakeEar                                           // of a port that has one: alice is heard at eno1
	on      func(w *fakeWire, asked netip.Addr, nth int) error // with every packet; may be nil
	sent    []time.Time
	to      pve.MAC  // whom the last packet went to
	drops   []uint32 // what each call of lost returns; then 0
	lostErr error
	deafErr error
	deaf    bool // frames are found only by looking, as by a process that sleeps past its deadline
}

func newWire(t *testing.T) *fakeWire {
	return &fakeWire{t: t, queue: make(chan []byte, 1024), ear: &fakeEar{}}
}

func (w *fakeWire) send(frame []byte) error {
	said, err := parseWord(frame)
	if err != nil || !said.isProbe() || said.speaker != bridgeMAC {
		w.t.Errorf("sent %x, which is no probe: %v", frame, err)
	}
	w.sent, w.to = append(w.sent, time.Now()), pve.MAC(frame)
	if w.on == nil {
		return nil
	}
	return w.on(w, said.target, len(w.sent))
}

func (w *fakeWire) receive(ctx context.Context, until time.Time) ([]byte, error) {
	if w.deafErr != nil {
		return nil, w.deafErr
	}
	waking := w.queue
	if w.deaf && time.Now().Before(until) {
		waking = nil
	} else {
		select {
		case f := <-w.queue:
			return f, nil
		default:
		}
	}
	if wait := time.Until(until); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case f := <-waking:
			return f, nil
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil, os.ErrDeadlineExceeded
}

func (w *fakeWire) lost() (n uint32, err error) {
	if len(w.drops) > 0 {
		n, w.drops = w.drops[0], w.drops[1:]
	}
	return n, w.lostErr
}

// arrive puts a frame on the wire after a while.
func (w *fakeWire) arrive(after time.Duration, frame []byte) {
	time.AfterFunc(after, func() {
		if from := pve.MAC(frame[6:12]); from == alice || from[0] == rotating {
			w.ear.comes(frame, arrival{index: 3})
		}
		w.queue <- frame
	})
}

// fakeBridge shows the looks one after the other, the last one for good.
type fakeBridge struct {
	looks []view
	errs  []error
}

func (b *fakeBridge) look() (v view, err error) {
	v = b.looks[0]
	if len(b.looks) > 1 {
		b.looks = b.looks[1:]
	}
	if len(b.errs) > 0 {
		err, b.errs = b.errs[0], b.errs[1:]
	}
	return v, err
}

// fakeEar hears what a test lets come in.
type fakeEar struct {
	mu     sync.Mutex
	frames [][]byte
	at     []arrival
	open   bool
	opened int // times
	deaf   error
}

func (e *fakeEar) listen([]bpf.RawInstruction) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open, e.opened = e.deaf == nil, e.opened+1
	return e.deaf
}

func (e *fakeEar) rest() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open = false
}

func (e *fakeEar) next() ([]byte, arrival, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.frames) == 0 {
		return nil, arrival{}, os.ErrDeadlineExceeded
	}
	f, at := e.frames[0], e.at[0]
	e.frames, e.at = e.frames[1:], e.at[1:]
	return f, at, nil
}

// comes puts a frame to the ear, if it is open.
func (e *fakeEar) comes(frame []byte, at arrival) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open {
		e.frames, e.at = append(e.frames, frame), append(e.at, at)
	}
}

// nowhere is where those lie who come by no port.
func nowhere(pve.MAC) string { return "" }

// trailOf is an open trail on which the frames of some hosts came in by ports.
func trailOf(by map[pve.MAC]string, frames ...[]byte) *trail {
	t := &trail{ear: &fakeEar{}, open: true, came: map[string][]port{}}
	for _, f := range frames {
		if len(f) >= 12 && by[pve.MAC(f[6:12])] != "" {
			t.came[string(f)] = []port{{name: by[pve.MAC(f[6:12])]}}
		}
	}
	return t
}

// goodView is a bridge with one uplink that works.
func goodView() view {
	return view{bridge: "vmbr0", mac: bridgeMAC, up: true, ports: []port{{index: 3, name: "eno1", carrier: true, state: stateForwarding}}}
}

func fakePort(w *fakeWire, looks ...view) *Port {
	if len(looks) == 0 {
		looks = []view{goodView()}
	}
	return &Port{
		name: "vmbr0", mac: bridgeMAC, bridgeMAC: bridgeMAC, wire: w, bridge: &fakeBridge{looks: looks},
		off: func(time.Duration) time.Duration { return 0 },
	}
}

func defaultPace() Pace {
	p, _ := Preset("default")
	return p
}

// frameOf builds an ARP frame as a host would send it.
func frameOf(op arp.Operation, from pve.MAC, sender netip.Addr, target netip.Addr) []byte {
	p, err := arp.NewPacket(op, from[:], sender, bridgeMAC[:], target)
	if err != nil {
		panic(err)
	}
	payload, _ := p.MarshalBinary()
	f := ethernet.Frame{Destination: bridgeMAC[:], Source: from[:], EtherType: ethernet.EtherTypeARP, Payload: payload}
	b, _ := f.MarshalBinary()
	return b
}

func replyOf(from pve.MAC, a netip.Addr) []byte {
	return frameOf(arp.OperationReply, from, a, nobody)
}
