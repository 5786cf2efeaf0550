package main

import (
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"

	"pve-iplease/internal/lab"
)

// tap hears every ARP request on the LAN, and when it came: how long a probe
// window was is told by the wire, since its intervals are random.
type tap struct{ heard chan time.Time }

func (s *site) tap(later *cleanup) (*tap, error) {
	ear, err := s.lan.Host(lab.RandomMAC())
	if err != nil {
		return nil, err
	}
	later.add(ear.Close)
	ifi, err := ear.Interface("eth0")
	if err != nil {
		return nil, err
	}
	var conn *packet.Conn
	err = ear.Do(func() (err error) {
		conn, err = packet.Listen(ifi, packet.Raw, int(ethernet.EtherTypeARP), nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	later.add(conn.Close)
	t := &tap{make(chan time.Time, 100_000)}
	go func() {
		buf := make([]byte, 1514)
		for {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
			t.heard <- time.Now()
		}
	}()
	return t, nil
}

func (t *tap) drain() {
	for len(t.heard) > 0 {
		<-t.heard
	}
}

// span is from the first to the last of what was heard since it was drained.
func (t *tap) span() time.Duration {
	if len(t.heard) == 0 {
		return 0
	}
	first := <-t.heard
	last := first
	for len(t.heard) > 0 {
		last = <-t.heard
	}
	return last.Sub(first)
}
