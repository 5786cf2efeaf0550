package lab_test

import (
	"testing"

	"pve-iplease/internal/lab"
)

// What a host sends is counted, and what it learned can be forgotten.
func TestSentAndForgotten(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	host, gw := f.Host(lan, "10.0.0.2/24"), f.Host(lan, "10.0.0.1/24")
	before, err := host.Sent("eth0")
	f.Must(err)
	_, err = host.Resolve(patience(t), gateway)
	f.Must(err)
	after, err := host.Sent("eth0")
	f.Must(err)
	if after <= before {
		t.Errorf("%d frames were sent before, %d after", before, after)
	}
	for _, want := range []lab.Host{*gw, {}} {
		if got, err := host.Cached(gateway); err != nil || got != want.MAC {
			t.Errorf("the gateway is known as %s, want %s: %v", got, want.MAC, err)
		}
		f.Must(host.Forget("eth0"))
	}
}
