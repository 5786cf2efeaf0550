package lab_test

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"pve-iplease/internal/lab"
)

// A kernel's own ping reaches those strangers that answer it, as late as the
// script says.
func TestStrangerEcho(t *testing.T) {
	t.Parallel()
	at := []netip.Addr{netip.MustParseAddr("10.0.0.201")}
	for name, c := range map[string]struct {
		script  lab.Script
		answers bool
		after   time.Duration
	}{
		"answers":  {lab.Script{Addrs: at, Echo: true}, true, 0},
		"late":     {lab.Script{Addrs: at, Echo: true, Delay: 50 * time.Millisecond}, true, 100 * time.Millisecond}, // ARP too
		"ARP only": {lab.Script{Addrs: at}, false, 0},
		"mute":     {lab.Script{Addrs: at, Echo: true, Mute: true}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			lan := f.LAN()
			host := f.Host(lan, "10.0.0.2/24")
			f.Stranger(lan, lab.Script{Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.202")}, Echo: true}) // another
			f.Stranger(lan, c.script)
			patience := 5 * time.Second
			if !c.answers {
				patience = 200 * time.Millisecond
			}
			began := time.Now()
			got := ping(f, host, at[0], patience)
			if got != c.answers {
				t.Errorf("answered: %v, want %v", got, c.answers)
			}
			if took := time.Since(began); took < c.after {
				t.Errorf("answered after %s, before %s", took, c.after)
			}
		})
	}
}

// ping tells whether somebody answers one.
func ping(f lab.Fixture, from *lab.Host, to netip.Addr, patience time.Duration) bool {
	var conn *icmp.PacketConn
	f.Must(from.Do(func() (err error) {
		conn, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	}))
	defer conn.Close()
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: 7, Data: []byte("a ping")}}
	request, err := m.Marshal(nil)
	f.Must(err)
	_, err = conn.WriteTo(request, &net.IPAddr{IP: to.AsSlice()})
	f.Must(err)
	f.Must(conn.SetReadDeadline(time.Now().Add(patience)))
	for buf := make([]byte, 1500); ; {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return false
		}
		reply, err := icmp.ParseMessage(1, buf[:n])
		f.Must(err)
		if e, ok := reply.Body.(*icmp.Echo); ok && reply.Type == ipv4.ICMPTypeEchoReply {
			return e.Seq == 7 && string(e.Data) == "a ping"
		}
	}
}
