package probe

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mdlayher/arp"
	"golang.org/x/net/bpf"

	"pve-iplease/internal/lab"
)

// A port is deaf but while a question is open, and hears then what is about its
// addresses alone; a sweep hears all.
func TestFilterKeepsOthersBack(t *testing.T) {
	t.Parallel()
	other, gateway := netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("10.0.0.1")
	f, lan, _, p := wired(t)
	say := func(a netip.Addr) *lab.Stranger {
		return f.Stranger(lan, lab.Script{Addrs: []netip.Addr{a}, Mute: true})
	}
	speakers := []*lab.Stranger{say(other), say(first), say(gateway)}
	hear := func(until time.Time) (a netip.Addr) {
		for {
			frame, err := p.wire.receive(t.Context(), until)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return a
			}
			f.Must(err)
			if w, err := parseWord(frame); err == nil && w.sender.Is4() {
				return w.sender
			}
		}
	}
	// The gateway's word comes last: what was let through of the others has come by then.
	shout := func() {
		for _, s := range speakers {
			s.Shout(1)
		}
	}
	want := func(when string, about filterSpec, want []netip.Addr) {
		t.Helper()
		done, err := p.listenTo(about)
		f.Must(err)
		shout()
		heard := map[netip.Addr]bool{}
		for end := time.Now().Add(10 * time.Second); !heard[gateway]; {
			a := hear(end)
			if !a.IsValid() {
				t.Fatalf("%s: the gateway was not heard", when)
			}
			heard[a] = true
		}
		done()
		for _, a := range []netip.Addr{other, first, gateway} {
			if heard[a] != slices.Contains(want, a) {
				t.Errorf("%s: %s heard: %v", when, a, heard[a])
			}
		}
		shout()
		if a := hear(time.Now().Add(100 * time.Millisecond)); a.IsValid() {
			t.Errorf("after %s: %s was heard", when, a)
		}
	}
	shout()
	if a := hear(time.Now().Add(100 * time.Millisecond)); a.IsValid() {
		t.Errorf("before: %s was heard", a)
	}
	q := Question{Candidates: []netip.Addr{first, netip.MustParseAddr("fd00::5")}, Gateways: []Gateway{{Addr: gateway}}}
	want("a question", newWindow(q, bridgeMAC).topic(), []netip.Addr{first, gateway})
	want("a sweep", filterSpec{}, []netip.Addr{other, first, gateway})
}

// A gateway that has answered is not listened to any more; of one that hasn't
// everything is heard, and nothing is deaf for the candidates.
func TestHearsNoMoreOfGateway(t *testing.T) {
	t.Parallel()
	second := gatewayIP.Next()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		answering(time.Millisecond, alice, gatewayIP)(w)
		listening := &filtered{wire: w}
		p := fakePort(w)
		p.wire = listening
		q := Question{Candidates: candidates[:1], Gateways: []Gateway{{Addr: gatewayIP}, {Addr: second}}, Pace: defaultPace()}
		if _, err := p.Ask(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		var heard [][]netip.Addr
		for _, prog := range listening.programs {
			vm, err := bpf.NewVM(disassembled(t, prog))
			if err != nil {
				t.Fatal(err)
			}
			var of []netip.Addr
			for _, a := range []netip.Addr{first, gatewayIP, second} {
				if n, err := vm.Run(replyOf(alice, a)); err == nil && n > 0 {
					of = append(of, a)
				}
				n, err := vm.Run(frameOf(arp.OperationRequest, bob, nobody, a))
				if asked := err == nil && n > 0; asked != (a == first && len(of) > 0) {
					t.Errorf("filter %d lets a question for %s pass: %v, %v", len(heard), a, asked, err)
				}
			}
			heard = append(heard, of)
		}
		want := [][]netip.Addr{{first, gatewayIP, second}, {first, second}, nil}
		if !slices.EqualFunc(heard, want, slices.Equal[[]netip.Addr]) {
			t.Errorf("heard of %v, want %v", heard, want)
		}
	})
}

// filtered is a wire that keeps what filters it was given.
type filtered struct {
	wire
	programs [][]bpf.RawInstruction
}

func (f *filtered) hear(prog []bpf.RawInstruction) error {
	f.programs = append(f.programs, prog)
	return nil
}

func (f *filtered) vlan() uint16 { return 0 }

// disassembled leaves out what a frame in memory doesn't have, its VLAN tag.
func disassembled(t *testing.T, prog []bpf.RawInstruction) []bpf.Instruction {
	t.Helper()
	all, ok := bpf.Disassemble(prog)
	if !ok {
		t.Fatalf("not all of %v could be read", prog)
	}
	for i := range all {
		if _, tag := all[i].(bpf.LoadExtension); tag {
			all[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: 0}
		}
	}
	return all
}

// A wire that can't be made to listen proves nothing by its silence.
func TestDeafWireIsDoubt(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	p := fakePort(w)
	p.wire = stoneDeaf{w}
	r, err := p.Ask(t.Context(), Question{Candidates: candidates[:1], Pace: Pace{Probes: 1, Wait: time.Millisecond}})
	if err != nil || verdicts(r) != "unknown" || !strings.Contains(r.Doubt, "no memory") {
		t.Errorf("%s, %v: %+v", verdicts(r), err, r)
	}
}

type stoneDeaf struct{ wire }

func (stoneDeaf) hear([]bpf.RawInstruction) error { return errors.New("no memory") }

func (stoneDeaf) vlan() uint16 { return 0 }

// A question about more addresses than a filter can name is heard whole.
func TestFilterOfManyAddresses(t *testing.T) {
	t.Parallel()
	var many []netip.Addr
	for a := first; len(many) <= maxAbout; a = a.Next() {
		many = append(many, a)
		prog, err := filter(20, filterSpec{about: many})
		if err != nil {
			t.Fatalf("%d addresses: %v", len(many), err)
		}
		if all, _ := filter(20, filterSpec{}); (len(prog) == len(all)) != (len(many) > maxAbout) {
			t.Errorf("%d addresses: %d instructions", len(many), len(prog))
		}
	}
}
