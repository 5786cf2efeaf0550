package probe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// The ear is open until the gateway has answered, and again when somebody
// speaks whose port is to be found; what can't be found out ends nothing.
func TestEarIsOpenWhileThereIsSomethingToFind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers map[netip.Addr]pve.MAC
		after   time.Duration
		deaf    error
		opened  int
		port    string
		want    string
		sent    int
	}{
		"silence without a gateway":  {opened: 1, want: "free free", sent: 10},
		"gateway":                    {answers: map[netip.Addr]pve.MAC{gatewayIP: alice}, opened: 1, want: "free free", sent: 9},
		"answer beside a gateway":    {answers: map[netip.Addr]pve.MAC{gatewayIP: alice, first: alice}, opened: 1, port: "eno1", want: "taken free", sent: 6},
		"late answer":                {answers: map[netip.Addr]pve.MAC{gatewayIP: alice, first: alice}, after: 40 * time.Millisecond, opened: 2, port: "eno1", want: "taken free", sent: 7},
		"late answer by no port":     {answers: map[netip.Addr]pve.MAC{gatewayIP: alice, first: bob}, after: 40 * time.Millisecond, opened: 2, want: "taken free", sent: 7},
		"the ear can't be opened":    {answers: map[netip.Addr]pve.MAC{gatewayIP: bob, first: alice}, deaf: unix.ENOMEM, opened: 1, want: "taken free", sent: 6},
		"gateway that came by none":  {answers: map[netip.Addr]pve.MAC{gatewayIP: bob}, opened: 1, want: "unknown unknown", sent: 10},
		"all taken, some by no port": {answers: map[netip.Addr]pve.MAC{first: bob, candidates[1]: alice}, opened: 1, want: "taken taken", sent: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				w.ear.deaf = c.deaf
				w.on = func(w *fakeWire, asked netip.Addr, _ int) error {
					if m := c.answers[asked]; asked == gatewayIP && !m.IsZero() {
						w.arrive(time.Millisecond, replyOf(m, asked))
					} else if !m.IsZero() {
						w.arrive(c.after+time.Millisecond, replyOf(m, asked))
					}
					return nil
				}
				p := fakePort(w)
				p.ear = w.ear
				r, err := p.Ask(t.Context(), Question{Candidates: candidates[:2], Gateways: []Gateway{{Addr: gatewayIP, Known: len(c.answers) > 0}}, Pace: defaultPace()})
				if err != nil || verdicts(r) != c.want {
					t.Fatalf("%s, %v: %+v", verdicts(r), err, r)
				}
				if w.ear.opened != c.opened || w.ear.open || r.Sent != c.sent {
					t.Errorf("opened %d times, open %v, %d sent", w.ear.opened, w.ear.open, r.Sent)
				}
				if len(r.Answers[0].Ports) > 0 && r.Answers[0].Ports[0] != c.port {
					t.Errorf("port %q", r.Answers[0].Ports)
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// Of one that answers from another MAC each time, and first when the ear was
// closed, what was heard by no port is forgotten: a host that is there answers
// again.
func TestWhoIsHeardOnceByNoPortIsForgotten(t *testing.T) {
	t.Parallel()
	for name, real := range map[string]bool{"alone": false, "beside a host that answers each time": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				w.on = func(w *fakeWire, asked netip.Addr, nth int) error {
					if asked == gatewayIP {
						w.arrive(time.Millisecond, replyOf(alice, asked))
						return nil
					}
					w.arrive(40*time.Millisecond, replyOf(pve.MAC{rotating, 0, 0, 0, 0, byte(nth)}, asked))
					if real {
						w.arrive(41*time.Millisecond, replyOf(bob, asked)) // by no port
					}
					return nil
				}
				p := fakePort(w)
				p.ear = w.ear
				r, err := p.Ask(t.Context(), Question{Candidates: candidates[:1], Gateways: []Gateway{{Addr: gatewayIP}}, Pace: defaultPace()})
				if err != nil || verdicts(r) != "taken" {
					t.Fatalf("%s, %v: %+v", verdicts(r), err, r)
				}
				if by := r.Answers[0].Ports; len(by) == 0 || slices.Contains(by, "") != real {
					t.Errorf("%v by %q", r.Answers[0].MACs, by)
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// A frame belongs to the VLAN that is asked or to none of our business, at
// whatever port it comes in.
func TestTrailKeepsVLANsApart(t *testing.T) {
	t.Parallel()
	ports := []port{{index: 3, name: "eno1"}, {index: 4, name: "veth101i0", native: true}, {index: 5, name: "veth102i0", apart: true}}
	for _, c := range []struct {
		at   arrival
		vlan uint16
		want string
	}{
		{arrival{3, 20}, 20, "eno1"},
		{arrival{3, 30}, 20, ""},
		{arrival{3, 0}, 20, ""},
		{arrival{3, foreignTag}, 20, ""},
		{arrival{4, 0}, 20, "veth101i0"},
		{arrival{4, 20}, 20, "veth101i0"},
		{arrival{4, 30}, 20, ""},
		{arrival{5, 0}, 20, ""},
		{arrival{5, 20}, 20, ""},
		{arrival{9, 20}, 20, ""},
		{arrival{3, 0}, 0, "eno1"},
		{arrival{3, 20}, 0, ""},
	} {
		e := &fakeEar{}
		tr := (&Port{ear: e, vlan: c.vlan}).trail(view{ports: ports})
		tr.listen(nil)
		e.comes(replyOf(alice, first), c.at)
		e.comes(replyOf(alice, first), c.at) // twice is once
		got := ""
		for _, p := range tr.of(replyOf(alice, first)) {
			got += p.name
		}
		if got != c.want {
			t.Errorf("%+v, asked %d: %q, want %q", c.at, c.vlan, got, c.want)
		}
		if other := tr.of(replyOf(bob, first)); other != nil {
			t.Errorf("another frame came by %v", other)
		}
	}
}

// A server's offer is one frame, although its checksum is filled in only on
// the way to a temporary port.
func TestTrailKnowsAFrameWhoseChecksumCameLater(t *testing.T) {
	t.Parallel()
	const checksumAt = udpStart + 6
	come := offerFrame(7, typeOffer)
	come[checksumAt], come[checksumAt+1] = 0x12, 0x34
	filled := slices.Clone(come)
	filled[checksumAt], filled[checksumAt+1] = 0xab, 0xcd
	other := slices.Clone(filled)
	other[len(other)-1]++
	tcp := slices.Clone(filled)
	tcp[ipStart+9] = 6
	optioned := slices.Clone(filled)
	optioned[ipStart]++ // the checksum lies behind an option
	e := &fakeEar{}
	tr := (&Port{ear: e}).trail(view{ports: []port{{index: 3, name: "eno1"}}})
	tr.listen(nil)
	e.comes(come, arrival{3, 0})
	for name, c := range map[string]struct {
		frame []byte
		ports int
	}{
		"itself": {come, 1}, "filled in": {filled, 1}, "another message": {other, 0}, "no UDP": {tcp, 0},
		"options": {optioned, 0}, "short": {filled[:checksumAt+1], 0}, "nothing": {nil, 0},
	} {
		if got := tr.of(c.frame); len(got) != c.ports {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// An ear that rests costs nothing and hears nothing, and can be woken at once.
func TestEarRests(t *testing.T) {
	t.Parallel()
	f, lan, _, p := wired(t)
	s := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{first}, Mute: true})
	e := p.ear.(*ingressSocket)
	all, err := program(filterSpec{}, nil)
	f.Must(err)
	heard := func(patience time.Duration) bool {
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if frame, at, err := e.next(); err == nil && at.index != 0 && at.tag == 0 && slices.Equal(frame[6:12], s.MAC[:]) {
				return true
			}
		}
		return false
	}
	s.Shout(1)
	if heard(50 * time.Millisecond) {
		t.Error("it hears before it is opened")
	}
	for range 20 {
		f.Must(e.listen(all))
		s.Shout(1)
		if !heard(10 * time.Second) {
			t.Fatal("an open ear hears nothing")
		}
		e.rest()
	}
	for _, _, err := e.next(); err == nil; _, _, err = e.next() {
		continue
	}
	s.Shout(1)
	if heard(50 * time.Millisecond) {
		t.Error("it hears while it rests")
	}
}

// pour sends frames from the guest behind a port of the node, which come in
// before it returns.
func pour(f lab.Fixture, from *lab.Host, n int, frame func(i int) []byte) {
	ifi, err := from.Interface("eth0")
	f.Must(err)
	var conn *packet.Conn
	f.Must(from.Do(func() (err error) {
		conn, err = packet.Listen(ifi, packet.Raw, 0, nil)
		return err
	}))
	defer conn.Close()
	for i := range n {
		b := frame(i)
		_, err := conn.WriteTo(b, &packet.Addr{HardwareAddr: b[:6]})
		for errors.Is(err, unix.ENOBUFS) {
			_, err = conn.WriteTo(b, &packet.Addr{HardwareAddr: b[:6]})
		}
		f.Must(err)
	}
}

// What doesn't concern the question fills no buffer, and so loses nothing:
// whatever a guest sends by the ten thousand.
func TestFloodThatDoesNotConcernTheQuestion(t *testing.T) {
	t.Parallel()
	six := netip.MustParseAddr("2001:db8::201")
	other6 := netip.MustParseAddr("2001:db8:1::201") // ends alike
	from := pve.MAC{2, 0, 0, 0, 6, 66}
	solicit := func(a netip.Addr) []byte { b, _ := solicitationFrame(from, netip.Addr{}, a); return b }
	request := func(a netip.Addr) []byte { b, _ := probeFrame(from, a); return b }
	for name, c := range map[string]struct {
		asked, gateway netip.Addr
		frame          []byte
		lost           bool
	}{
		"IPv6 while IPv4 is asked":        {first, gatewayIP, solicit(six), false},
		"IPv6 beside IPv6":                {six, six.Next(), solicit(other6), false},
		"questions for the IPv6 gateway":  {six, six.Next(), solicit(six.Next()), false},
		"IPv4 while IPv6 is asked":        {six, six.Next(), request(first), false},
		"IPv4 beside IPv4":                {first, gatewayIP, request(first.Next()), false},
		"questions for the IPv4 gateway":  {first, gatewayIP, request(gatewayIP), false},
		"what concerns it, IPv4, is lost": {first, gatewayIP, request(first), true},
		"what concerns it, IPv6, is lost": {six, six.Next(), solicit(six), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, node, p := wired(t)
			guest := f.Guest(node, "vmbr0", 666, "")
			w := newWindow(Question{Candidates: []netip.Addr{c.asked}, Gateways: []Gateway{{Addr: c.gateway}}, Pace: defaultPace()}, p.mac)
			done, err := p.listenTo(w.topic())
			f.Must(err)
			defer done()
			_, err = p.wire.lost()
			f.Must(err)
			pour(f, guest, 20000, func(int) []byte { return c.frame })
			n, err := p.wire.lost()
			f.Must(err)
			if (n > 0) != c.lost {
				t.Errorf("%d lost", n)
			}
			if got, err := p.wire.receive(t.Context(), time.Time{}); (err == nil) != c.lost {
				t.Errorf("%x comes through, %v", got, err)
			}
		})
	}
}

// Where something is lost the port that floods is named, also when its ear was
// closed.
func TestFloodingPortIsNamed(t *testing.T) {
	t.Parallel()
	f, _, node, p := wired(t)
	guest := f.Guest(node, "vmbr0", 666, "")
	frame, err := probeFrame(pve.MAC{2, 0, 0, 0, 6, 66}, first)
	f.Must(err)
	ctx, end := context.WithCancel(t.Context())
	var flooding sync.WaitGroup
	flooding.Go(func() {
		for ctx.Err() == nil {
			pour(f, guest, 1000, func(int) []byte { return frame })
		}
	})
	defer flooding.Wait()
	defer end()
	about := filterSpec{about: []netip.Addr{first}}
	done, err := p.listenTo(about)
	f.Must(err)
	defer done()
	before := p.look()
	f.Must(before.err)
	for {
		// Nothing is read, so the buffer is full before long; what was lost before
		// the port was heard often enough says nothing of it yet.
		err := p.drops(p.trail(before.view), about)
		if err != nil && hasSuffix(err.Error(), " came by veth666i0") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

func TestParseAuxdata(t *testing.T) {
	t.Parallel()
	if got := parseAuxdata([]byte{1, 2, 3}); got != 0 {
		t.Errorf("rubbish is VLAN %d", got)
	}
	if got := parseAuxdata(nil); got != 0 {
		t.Errorf("nothing is VLAN %d", got)
	}
}
