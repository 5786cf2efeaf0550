package lab_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

// A kernel that looks for an IPv6 neighbour finds those strangers that answer
// it, and takes each of their MACs.
func TestStrangerSix(t *testing.T) {
	t.Parallel()
	at := []netip.Addr{netip.MustParseAddr("2001:db8::201")}
	for name, c := range map[string]struct {
		script  lab.Script
		answers bool
	}{
		"answers":     {lab.Script{Addrs: at, Six: true}, true},
		"for all":     {lab.Script{All: true, Six: true}, true},
		"rotating":    {lab.Script{All: true, Six: true, Rotate: true}, true},
		"late":        {lab.Script{Addrs: at, Six: true, Delay: 50 * time.Millisecond}, true},
		"ARP only":    {lab.Script{Addrs: at}, false},
		"mute":        {lab.Script{Addrs: at, Six: true, Mute: true}, false},
		"another":     {lab.Script{Addrs: []netip.Addr{at[0].Next()}, Six: true}, false},
		"other VLAN":  {lab.Script{Addrs: at, Six: true, VLAN: 20}, false},
		"all is lost": {lab.Script{Addrs: at, Six: true, Loss: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			host := f.Host(lan, "2001:db8::2/64")
			s := f.Stranger(lan, c.script)
			patience := 5 * time.Second
			if !c.answers {
				patience = 200 * time.Millisecond
			}
			got := found(f, host, at[0], patience)
			if got.IsZero() == c.answers || c.answers && (got == s.MAC) == c.script.Rotate {
				t.Errorf("found at %s, the stranger is %s", got, s.MAC)
			}
		})
	}
}

// found is the MAC at which a host's kernel finds an IPv6 neighbour; zero: it
// doesn't.
func found(f lab.Fixture, h *lab.Host, a netip.Addr, patience time.Duration) (mac pve.MAC) {
	for end := time.Now().Add(patience); mac.IsZero() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		f.Must(h.Do(func() error {
			conn, err := net.DialUDP("udp6", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
			if err != nil {
				return err
			}
			_, _ = conn.Write(nil)
			return conn.Close()
		}))
		var err error
		mac, err = h.Cached(a)
		f.Must(err)
	}
	return mac
}
