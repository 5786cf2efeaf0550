package probe_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
)

// street is a node on a LAN with a gateway, and one guest on the node.
type street struct {
	lab.Fixture
	lan     *lab.LAN
	node    *lab.Node
	cable   *lab.Cable
	gateway *lab.Stranger
	guest   *lab.Host // CT 101, has the tested address
}

func newStreet(t *testing.T) street {
	f := lab.New(t)
	s := street{Fixture: f, lan: f.LAN()}
	s.node, s.cable = f.Node("pve1", s.lan)
	s.gateway = f.Stranger(s.lan, lab.Script{Addrs: []netip.Addr{gateway}})
	s.guest = f.Guest(s.node, "vmbr0", 101, "10.0.0.201/24")
	return s
}

// uplinkCase is something about the uplink, and what follows for an address
// that nobody has.
type uplinkCase struct {
	arrange func(street) error
	ask     func(*probe.Question)
	idle    probe.Verdict
	doubt   string
}

func uplinkCases() map[string]uplinkCase {
	known := func(q *probe.Question) { q.Gateways[0].Known = true }
	return map[string]uplinkCase{
		"good":                {nil, known, probe.Free, ""},
		"unplugged":           {func(s street) error { return s.cable.Pull() }, nil, probe.Unknown, "no uplink of vmbr0 has a link: eno1"},
		"turned off":          {func(s street) error { return s.node.SetUp("eno1", false) }, nil, probe.Unknown, "no uplink of vmbr0 has a link: eno1"},
		"missing":             {func(s street) error { return s.node.Remove("eno1") }, nil, probe.Unknown, "uplink eno1 of vmbr0 is configured but missing"},
		"learning":            {func(s street) error { return s.node.SetPortState("eno1", lab.PortLearning) }, nil, probe.Unknown, "port eno1 of vmbr0 is still learning"},
		"listening":           {func(s street) error { return s.node.SetPortState("eno1", lab.PortListening) }, nil, probe.Unknown, "port eno1 of vmbr0 is still learning"},
		"suppressed":          {func(s street) error { return s.node.SetNeighSuppress("eno1", true) }, nil, probe.Unknown, "vmbr0 keeps probes from port eno1 (neigh_suppress, as in EVPN zones), and has no address in the subnet itself to ask from; give its vnet a subnet with a gateway"},
		"switch learns":       {func(s street) error { return s.cable.Learn() }, known, probe.Unknown, "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning"},
		"gateway gone":        {func(s street) error { s.gateway.Leave(); return nil }, known, probe.Unknown, "gateway 10.0.0.1 used to answer and is silent now; a switch port may still be learning"},
		"gateway never known": {func(s street) error { s.gateway.SetMute(true); return nil }, nil, probe.Free, ""},
		"spare unplugged":     {func(s street) error { return spare(s, (*lab.Cable).Pull) }, known, probe.Free, ""},
		"spare blocked": {func(s street) error {
			if err := spare(s, (*lab.Cable).Push); err != nil {
				return err
			}
			return s.node.SetPortState("eno2", lab.PortDisabled)
		}, known, probe.Free, ""},
	}
}

// A guest on the bridge is seen whatever the uplink does; what nobody answers
// for is free only when the uplink could have carried an answer.
func TestUplink(t *testing.T) {
	t.Parallel()
	for name, c := range uplinkCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t)
			if c.arrange != nil {
				s.Must(c.arrange(s))
			}
			r := ask(t, s.node, c.ask)
			want(t, r, probe.Taken, c.idle)
			if r.Doubt != c.doubt {
				t.Errorf("doubt %q, want %q", r.Doubt, c.doubt)
			}
			if c.idle == probe.Unknown && r.Answers[1].Reason != c.doubt {
				t.Errorf("reason %q, want %q", r.Answers[1].Reason, c.doubt)
			}
			if got := r.Answers[0]; got.Ports[0] != "veth101i0" || got.MACs[0] != s.guest.MAC {
				t.Errorf("the guest is seen as %v on %v", got.MACs, got.Ports)
			}
			if r.Closed {
				t.Error("a bridge with an uplink counts as closed")
			}
		})
	}
}

// spare gives the node a second uplink into a LAN of its own.
func spare(s street, then func(*lab.Cable) error) error {
	cable, err := s.node.Uplink("vmbr0", "eno2", s.LAN())
	if err != nil {
		return err
	}
	return then(cable)
}

func TestClosedNetwork(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", nil)
	port := open(t, node, "vmbr0")
	known := func(q *probe.Question) { q.Gateways[0].Known = true }

	r := askPort(t, port, known) // nothing is plugged in: no carrier
	want(t, r, probe.Free, probe.Free)
	if !r.Closed || r.Doubt != "" {
		t.Errorf("closed %v, doubt %q", r.Closed, r.Doubt)
	}
	guest := f.Guest(node, "vmbr0", 101, "10.0.0.201/24")
	r = askPort(t, port, known)
	want(t, r, probe.Taken, probe.Free)
	if got := r.Answers[0].MACs[0]; got != guest.MAC {
		t.Errorf("taken by %s, want %s", got, guest.MAC)
	}
}

// Uplinks of bridges are told apart from other bridges' and from guests'.
func TestSecondBridge(t *testing.T) {
	t.Parallel()
	s := newStreet(t)
	s.Must(s.node.AddBridge("vmbr1", netip.MustParsePrefix("10.0.0.254/24")))
	s.Guest(s.node, "vmbr1", 102, "10.0.0.202/24")

	r := askPort(t, open(t, s.node, "vmbr1"), nil)
	want(t, r, probe.Free, probe.Taken)
	if !r.Closed || len(r.Gateways) > 0 {
		t.Errorf("closed %v, gateways %v", r.Closed, r.Gateways)
	}
	r = ask(t, s.node, nil)
	want(t, r, probe.Taken, probe.Free)
	if r.Closed || r.Gateways[gateway].MAC != s.gateway.MAC {
		t.Errorf("closed %v, gateways %v", r.Closed, r.Gateways)
	}
}

// What happens to the bridge while we listen makes silence worthless.
func TestMidWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event func(street) error
		doubt string
	}{
		"bridge deleted":     {func(s street) error { return s.node.Remove("vmbr0") }, "there is no bridge vmbr0 on this node"},
		"bridge turned off":  {func(s street) error { return s.node.SetUp("vmbr0", false) }, "listening on vmbr0: network is down"},
		"uplink deleted":     {func(s street) error { return s.node.Remove("eno1") }, "uplink eno1 of vmbr0 is configured but missing"},
		"uplink lost a link": {func(s street) error { return flap(s.cable) }, "uplink eno1 of vmbr0 lost its link for a moment"},
		"uplink joined":      {func(s street) error { return spare(s, (*lab.Cable).Push) }, "uplink eno2 has only just joined vmbr0"},
		"bridge renumbered":  {func(s street) error { return s.node.SetMAC("vmbr0", pve.MAC{0xbc, 0x24, 0x11, 0, 0, 7}) }, "vmbr0 changed its MAC from "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t)
			witness := s.Stranger(s.lan, lab.Script{Addrs: []netip.Addr{idle}, Mute: true})
			port := open(t, s.node, "vmbr0", "eno1")
			happened := make(chan error, 1)
			go func() {
				for witness.Asked(idle) == 0 && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				happened <- c.event(s)
			}()
			pace, _ := probe.Preset("careful")
			r := askPort(t, port, func(q *probe.Question) { q.Pace = pace })
			s.Must(<-happened)
			if got := r.Answers[1].Verdict; got != probe.Unknown {
				t.Errorf("verdict %s, want unknown", got)
			}
			if !strings.HasPrefix(r.Doubt, c.doubt) {
				t.Errorf("doubt %q, want %q", r.Doubt, c.doubt)
			}
		})
	}
}

func flap(c *lab.Cable) error {
	if err := c.Pull(); err != nil {
		return err
	}
	return c.Push()
}
