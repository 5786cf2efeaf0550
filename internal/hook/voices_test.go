package hook_test

import (
	"context"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// playing puts a guest of the node on its bridge that has these addresses.
func (h *host) playing(id pve.VMID, addrs ...string) *lab.Host {
	h.t.Helper()
	g := h.Guest(h.node, "vmbr0", id, "")
	for _, a := range addrs {
		h.Must(g.AddAddr("eth0", netip.MustParsePrefix(a)))
	}
	return g
}

// A guest that answers as the gateway is no sign that the network is alive:
// while the switch port still learns nothing can be told.
func TestGuestThatPlaysTheGateway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pools, real, fake, says string }{
		"IPv4": {lan, "10.0.0.1/24", "10.0.0.1/24", "cannot prove that 10.0.0.201 is free: gateway 10.0.0.1"},
		"IPv6": {
			"pool: six\n\tbridge vmbr0\n\tsubnet6 2001:db8::/64\n\tgateway6 2001:db8::1\n\trange6 2001:db8::200-2001:db8::209\n\tprobe fast\n",
			"2001:db8::1/64", "2001:db8::1/64", "cannot prove that 2001:db8::201 is free: gateway 2001:db8::1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools)
			h.Must(h.node.DisableIPv6())
			gw := h.sixth(c.real)
			h.write(h.confPath(101), both(101, ""))
			h.write(h.confPath(102), both(102, ""))
			h.start(101).exits(hook.OK)
			h.settings(hasty)
			guest := h.playing(666, c.fake)
			h.Must(h.cable.Learn())
			h.start(102).exits(hook.Failed).says(c.says, "is no sign of life").
				says("warning: "+guest.MAC.String()+" (CT 666, port veth666i0) answers as gateway", gw.MAC, "not believed")
		})
	}
}

// Nothing is learnt from a guest's port: a gateway that only a guest played, or
// that is itself a guest such as a firewall, may be silent.
func TestNothingIsLearntFromAGuestsPort(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(h *host) (end func()){
		"one forged frame": func(h *host) func() { return h.within(666, lab.Script{}, "10.0.0.1").Leave },
		"a firewall that is down": func(h *host) func() {
			h.vm(110, "net0: virtio="+macOf(110).String()+",bridge=vmbr0")
			l := h.LAN()
			_, err := h.node.Uplink("vmbr0", "tap110i0", l)
			h.Must(err)
			return h.Stranger(l, lab.Script{MAC: macOf(110), Addrs: []netip.Addr{addr("10.0.0.1")}}).Leave
		},
		"a firewall on another node": func(h *host) func() {
			h.vm(110, "net0: virtio="+macOf(110).String()+",bridge=vmbr0")
			return h.script(lab.Script{MAC: macOf(110)}, "10.0.0.1").Leave
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			end := forge(h)
			h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
			h.start(101).exits(hook.OK).omits("warning")
			end()
			h.start(102).exits(hook.OK).says("CT 102 net0 has 10.0.0.201/24").omits("unproven", "warning")
		})
	}
}

// Another MAC is told, once.
func TestGatewayThatChangesItsMACIsTold(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	was := h.gateway()
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).omits("warning")
	h.silence(was)
	is := h.gateway()
	h.start(101).exits(hook.OK).says("warning: gateway 10.0.0.1 answers from "+is.MAC.String(), "port eno1", was.MAC, "somebody speaks in its name")
	h.start(101).exits(hook.OK).omits("warning")
}

var silentSince = regexp.MustCompile(`"silent": "[^"]*"`)

// What was learnt ages: a gateway that has been silent for an hour is gone, and
// keeps nobody from starting.
func TestGatewayThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.settings(hasty)
	gw := h.gateway()
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.silence(gw)
	h.start(102).exits(hook.Failed).says("used to answer and is silent now")
	const file = "/var/lib/pve-iplease/gateways.json"
	memory := h.read(file)
	long := `"silent": "` + time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339) + `"`
	if !silentSince.MatchString(memory) {
		t.Fatalf("its silence is not remembered: %s", memory)
	}
	h.write(file, silentSince.ReplaceAllString(memory, long))
	h.start(102).exits(hook.OK).omits("unproven")
	if now := h.read(file); !strings.Contains(now, long) {
		t.Errorf("its silence begins anew: %s", now)
	}
}

// A guest that answers for every address, with another MAC each time, keeps
// nobody from starting: who speaks is told by the port.
func TestGuestThatAnswersForEveryAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script lab.Script
		gw     bool
	}{
		"one MAC":                        {lab.Script{All: true}, false},
		"rotating MACs":                  {lab.Script{All: true, Rotate: true}, false},
		"rotating MACs beside a gateway": {lab.Script{All: true, Rotate: true}, true},
		"rotating MACs, late":            {lab.Script{All: true, Rotate: true, Delay: 30 * time.Millisecond}, true},
	} {
		for kind, ip := range map[string]string{"new": "manual", "adopted": "10.0.0.200/24"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, wired)
				if c.gw {
					h.gateway()
				}
				h.within(666, c.script)
				h.put(ct{id: 101, ip: ip})
				for range 2 {
					h.start(101).exits(hook.OK).says("answers for 10.0.0.200, 10.0.0.201, 10.0.0.202", "(CT 666, port veth666i0): what comes by that port is not believed").
						says("CT 101 net0 has 10.0.0.200/24").omits("unproven")
					h.records("10.0.0.200 ct/101/net0 bound pool")
				}
			})
		}
	}
}

// Who really has an address is heard beside the liar.
func TestStrangerBesideAGuestThatLies(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.gateway()
	s := h.stranger("10.0.0.200")
	h.within(666, lab.Script{All: true, Rotate: true, Delay: 30 * time.Millisecond})
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by", s.MAC).says("CT 101 net0 has 10.0.0.201/24")
	h.records("10.0.0.200 conflicted "+s.MAC.String(), "10.0.0.201 ct/101/net0 bound pool")
}

// Who answers late is heard beside a liar that answers at once: its answers must
// not end the window that they don't count in.
func TestLateStrangerBesideAGuestThatLies(t *testing.T) {
	t.Parallel()
	for name, liar := range map[string]lab.Script{"one MAC": {All: true}, "rotating MACs": {All: true, Rotate: true}} {
		for kind, ip := range map[string]string{"new": "manual", "adopted": "10.0.0.200/24"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, wired)
				h.gateway()
				s := h.script(lab.Script{Delay: 150 * time.Millisecond}, "10.0.0.200")
				h.within(666, liar)
				h.put(ct{id: 101, ip: ip})
				h.start(101).exits(hook.OK).says("10.0.0.200 is in use by", s.MAC).says("CT 101 net0 has 10.0.0.201/24")
			})
		}
	}
}

// Who speaks with another guest's MAC is named by the port.
func TestForgedMACAccusesNobody(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	h.put(ct{id: 101, ip: "manual"}, ct{id: 105, ip: "10.0.0.205/24"})
	h.within(666, lab.Script{MAC: macOf(105)}, "10.0.0.200")
	h.start(101).exits(hook.OK).says("10.0.0.200 is in use by " + macOf(105).String() + " (CT 666, with the MAC of CT 105, port veth666i0): not leased").says("10.0.0.201/24")
}

const six = "pool: six\n\tbridge vmbr0\n\tsubnet6 2001:db8::/64\n\tgateway6 2001:db8::1\n\trange6 2001:db8::200-2001:db8::209\n"

// The same with IPv6.
func TestGuestThatAnswersForEveryIPv6Address(t *testing.T) {
	t.Parallel()
	h := newHost(t, six)
	h.playing(666, "2001:db8::200/64", "2001:db8::201/64", "2001:db8::202/64")
	h.write(h.confPath(101), both(101, ""))
	h.start(101).exits(hook.OK).says("answers for 2001:db8::200, 2001:db8::201, 2001:db8::202", "(CT 666, port veth666i0): what comes by that port is not believed").
		says("CT 101 net0 has 2001:db8::200/64").omits("unproven")
	h.records("2001:db8::200 ct/101/net0 bound pool")
}

// A guest that answers with another MAC each time in an IPv6 pool of thousands of
// addresses makes no marks, or a few, however many starts it answers: also where
// it leaves each third address alone so as not to be called a liar, and where it
// is another node's.
func TestMarksThatAGuestMakesInAnIPv6PoolAreBounded(t *testing.T) {
	t.Parallel()
	const starts, perStart, perPort = 5, 6, 4
	wide := strings.Replace(six, "-2001:db8::209", "-2001:db8::fff", 1)
	var most []string
	for i, a := 0, netip.MustParseAddr("2001:db8::200"); i < 90; i, a = i+1, a.Next() {
		if i%3 < 2 {
			most = append(most, a.String())
		}
	}
	for name, c := range map[string]struct {
		put   func(*host)
		most  int
		least int
	}{
		"for all, on this node":     {func(h *host) { h.within(666, lab.Script{All: true, Rotate: true, Six: true}) }, 0, 0},
		"for most, on this node":    {func(h *host) { h.within(666, lab.Script{Rotate: true, Six: true}, most...) }, perPort, 1},
		"for most, on another node": {func(h *host) { h.script(lab.Script{Rotate: true, Six: true}, most...) }, starts * perStart, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, wide)
			c.put(h)
			for id := pve.VMID(101); id < 101+starts; id++ {
				h.write(h.confPath(id), both(id, ""))
				h.start(id).exits(hook.OK).says("has 2001:db8::")
			}
			table, err := h.ledger().View(t.Context())
			h.Must(err)
			marks := 0
			for l := range table.All() {
				if l.State == lease.Conflicted {
					marks++
				}
			}
			if marks < c.least || marks > c.most {
				t.Errorf("%d marks, want %d to %d", marks, c.least, c.most)
			}
		})
	}
}

// Solicitations from nobody for every address, as one sends that is about to
// take it, take nothing away.
func TestIPv6ProbesAloneTakeNothingAway(t *testing.T) {
	t.Parallel()
	h := newHost(t, six)
	guest := h.playing(666)
	var frames [][]byte
	for i := range 10 {
		frames = append(frames, solicitation(t, guest.MAC, netip.MustParseAddr("2001:db8::200").As16(), byte(i)))
	}
	h.repeat(guest, frames)
	h.write(h.confPath(101), both(101, ""))
	for range 2 {
		h.start(101).exits(hook.OK).says("2001:db8::200 is asked for by "+guest.MAC.String(), "(CT 666, port veth666i0) too", "kept").
			says("CT 101 net0 has 2001:db8::200/64").omits("unproven")
		h.records("2001:db8::200 ct/101/net0 bound pool")
	}
}

// Solicitations by the ten thousand for what nobody asks us about drown no
// question.
func TestFloodOfSolicitationsDrownsNoQuestion(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	h.gateway()
	guest := h.playing(666)
	var frames [][]byte
	for i := range 200 {
		frames = append(frames, solicitation(t, guest.MAC, netip.MustParseAddr("2001:db8::9:0").As16(), byte(i)))
	}
	h.pour(guest, frames)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK).says("CT 101 net0 has 10.0.0.200/24").omits("unproven", "warning")
}

// solicitation asks for an address as one does that is about to take it (RFC
// 4862 §5.4.2).
func solicitation(t *testing.T, from pve.MAC, to [16]byte, last byte) []byte {
	t.Helper()
	to[15] += last
	addr := netip.AddrFrom16(to)
	group, err := ndp.SolicitedNodeMulticast(addr)
	if err != nil {
		t.Fatal(err)
	}
	body, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{TargetAddress: addr}, netip.IPv6Unspecified(), group)
	if err != nil {
		t.Fatal(err)
	}
	b := group.As16()
	frame := append([]byte{0x33, 0x33, b[12], b[13], b[14], b[15]}, from[:]...)
	frame = append(frame, 0x86, 0xdd, 6<<4, 0, 0, 0, 0, byte(len(body)), 58, 255)
	frame = append(append(frame, make([]byte, 16)...), b[:]...)
	return append(frame, body...)
}

// repeat makes a guest send frames every 20 ms, until the test ends.
func (h *host) repeat(from *lab.Host, frames [][]byte) { h.send(from, frames, 20*time.Millisecond) }

// pour makes a guest send frames as fast as it can, until the test ends.
func (h *host) pour(from *lab.Host, frames [][]byte) { h.send(from, frames, 0) }

func (h *host) send(from *lab.Host, frames [][]byte, pause time.Duration) {
	h.t.Helper()
	ifi, err := from.Interface("eth0")
	h.Must(err)
	var conn *packet.Conn
	h.Must(from.Do(func() (err error) {
		conn, err = packet.Listen(ifi, packet.Raw, 0, nil)
		return err
	}))
	ctx, end := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() {
		for ctx.Err() == nil {
			for _, f := range frames {
				_, _ = conn.WriteTo(f, &packet.Addr{HardwareAddr: f[:6]}) // what a full queue loses is sent again
			}
			time.Sleep(pause)
		}
	})
	h.t.Cleanup(func() {
		end()
		sending.Wait()
		_ = conn.Close()
	})
}
