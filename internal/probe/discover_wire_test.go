package probe_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// A DHCP server is heard in its own VLAN alone, through a port like a guest's.
// Real servers are asked in the tests of package dhcp.
func TestAwareBridgeOffers(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20, 30)
	offering(t, f.TaggedHost(lan, 20, "10.0.0.1/24"), "eth0.20")
	for tag, want := range map[uint16]int{20: 1, 30: 0, 0: 0} {
		port := openAt(t, node, probe.Place{Bridge: "vmbr0", Tag: tag}, "eno1")
		got, err := port.Discover(t.Context(), time.Second)
		if err != nil || len(got) != want {
			t.Errorf("VLAN %d: %+v, %v; want %d", tag, got, err, want)
		}
		for _, o := range got {
			if o.Server != addr("10.0.0.1") || o.Addr != addr("10.0.0.57") || o.Port != "eno1" {
				t.Errorf("VLAN %d: %+v", tag, o)
			}
		}
	}
}

// offering makes a host offer 10.0.0.57 to everybody who asks on a device.
func offering(t *testing.T, h *lab.Host, device string) {
	t.Helper()
	bind := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return c.Control(func(fd uintptr) { _ = unix.BindToDevice(int(fd), device) })
	}}
	var conn net.PacketConn
	err := h.Do(func() (err error) {
		conn, err = bind.ListenPacket(context.Background(), "udp4", ":67")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		var b [1500]byte
		for {
			n, _, err := conn.ReadFrom(b[:])
			if err != nil {
				return
			}
			const yourAddress, options = 16, 240
			b[0] = 2 // a reply
			copy(b[yourAddress:], []byte{10, 0, 0, 57})
			copy(b[options:], []byte{53, 1, 2, 54, 4, 10, 0, 0, 1, 255})
			_, _ = conn.WriteTo(b[:n], &net.UDPAddr{IP: net.IPv4bcast, Port: 68})
		}
	}()
}
