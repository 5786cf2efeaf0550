package probe

import "testing"

func TestJudge(t *testing.T) {
	t.Parallel()
	up := port{index: 3, name: "eno1", carrier: true, state: stateForwarding}
	with := func(change func(*port)) port {
		p := up
		change(&p)
		return p
	}
	down := with(func(p *port) { p.carrier, p.state = false, 0 })
	guest := port{index: 9, name: "veth101i0", carrier: true, state: stateForwarding}
	spare := with(func(p *port) { p.index, p.name = 4, "eno2" })
	const blocking = 4
	for name, c := range map[string]struct {
		ports    []port
		declared []string
		down     bool
		closed   bool
		doubt    string
	}{
		"one good uplink":       {ports: []port{up}, declared: []string{"eno1"}},
		"undeclared uplink":     {ports: []port{up, guest}},
		"empty":                 {closed: true},
		"guests only":           {ports: []port{guest}, closed: true},
		"bridge down":           {ports: []port{up}, down: true, doubt: "vmbr0 is down"},
		"closed and down":       {down: true, closed: true, doubt: "vmbr0 is down"},
		"declared but missing":  {declared: []string{"eno1"}, doubt: "uplink eno1 of vmbr0 is configured but missing"},
		"one of two is missing": {ports: []port{up}, declared: []string{"eno1", "eno2"}, doubt: "uplink eno2 of vmbr0 is configured but missing"},
		"no link":               {ports: []port{down, guest}, doubt: "no uplink of vmbr0 has a link: eno1"},
		"one of two has a link": {ports: []port{down, spare}},
		"listening":             {ports: []port{with(func(p *port) { p.state = stateListening })}, doubt: "port eno1 of vmbr0 is still learning"},
		"a spare learns":        {ports: []port{with(func(p *port) { p.state = stateLearning }), spare}, doubt: "port eno1 of vmbr0 is still learning"},
		"blocking":              {ports: []port{with(func(p *port) { p.state = blocking })}, doubt: "no uplink of vmbr0 forwards: eno1"},
		"a spare is blocked":    {ports: []port{with(func(p *port) { p.state = blocking }), spare}},
		"not yet enabled":       {ports: []port{with(func(p *port) { p.state = 0 })}, doubt: "no uplink of vmbr0 forwards: eno1"},
		"suppressed":            {ports: []port{with(func(p *port) { p.suppress = true })}, doubt: "vmbr0 keeps probes from port eno1 (neigh_suppress, as in EVPN zones), and has no address in the subnet itself to ask from; give its vnet a subnet with a gateway"},
	} {
		v := view{bridge: "vmbr0", mac: bridgeMAC, up: !c.down, ports: c.ports}
		closed, doubt := v.judge(c.declared)
		if closed != c.closed || doubt != c.doubt {
			t.Errorf("%s: closed %v, doubt %q; want %v, %q", name, closed, doubt, c.closed, c.doubt)
		}
	}
}

func TestUplinksAreNoGuests(t *testing.T) {
	t.Parallel()
	for name, uplink := range map[string]bool{
		"eno1": true, "enp3s0f1np1": true, "bond0": true, "eno1.20": true, "vxlan_v1": true, "ln_vnet1": true,
		"wlan0": true, "veth0": true, "vethwan": true, "tap0": true, "fwpr1": true, "veth101i0x": true, "xveth101i0": true,
		"veth101i0": false, "tap100i12": false, "fwpr101p0": false, "veth999999999i31": false,
	} {
		v := view{ports: []port{{name: name}}}
		if got := len(v.uplinks()) == 1; got != uplink {
			t.Errorf("%s: uplink %v, want %v", name, got, uplink)
		}
	}
}
