package probe

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/pve"
)

var (
	serverMAC = pve.MAC{2, 0, 0, 0, 0, 1}
	clientMAC = pve.MAC{2, 0, 0, 0, 0, 2}
)

// offerFrame answers a question as a server does.
func offerFrame(id uint32, kind byte, options ...byte) []byte {
	f := discoverFrame(serverMAC, clientMAC, id)
	copy(f[ipStart+12:], []byte{10, 0, 0, 1})
	m := f[udpStart+8:]
	m[0] = bootReply
	copy(m[yourAt:], []byte{10, 0, 0, 57})
	clear(m[tailAt:])
	copy(m[tailAt:], slices.Concat([]byte{optionType, 1, kind}, options, []byte{optionEnd}))
	return f
}

func TestParseOffer(t *testing.T) {
	t.Parallel()
	plain := Offer{Server: netip.MustParseAddr("10.0.0.1"), MAC: serverMAC, Addr: netip.MustParseAddr("10.0.0.57")}
	full := plain
	full.Server, full.Bits, full.Gateway, full.Time = netip.MustParseAddr("10.0.0.3"), 24, netip.MustParseAddr("10.0.0.254"), time.Hour
	options := []byte{
		optionPad, optionMask, 4, 255, 255, 255, 0, optionRouter, 8, 10, 0, 0, 254, 10, 0, 0, 253,
		optionTime, 4, 0, 0, 14, 16, optionServer, 4, 10, 0, 0, 3,
	}
	other := offerFrame(7, typeOffer)
	binary.BigEndian.PutUint32(other[udpStart+8+cookieAt:], 0)
	tests := map[string]struct {
		frame []byte
		want  Offer
	}{
		"plain":             {offerFrame(7, typeOffer), plain},
		"all options":       {offerFrame(7, typeOffer, options...), full},
		"a netmask's holes": {offerFrame(7, typeOffer, optionMask, 4, 255, 0, 255, 0), plain},
		"short option":      {offerFrame(7, typeOffer, optionServer, 1, 10), plain},
		"cut off":           {offerFrame(7, typeOffer, optionRouter, 250), plain},
		"somebody else's":   {offerFrame(8, typeOffer), Offer{}},
		"an ack":            {offerFrame(7, 5), Offer{}},
		"a question":        {discoverFrame(clientMAC, clientMAC, 7), Offer{}},
		"BOOTP":             {other, Offer{}},
		"short":             {offerFrame(7, typeOffer)[:200], Offer{}},
		"nothing":           {nil, Offer{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseOffer(tt.frame, 7)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err != nil) != (tt.want == Offer{}) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestDiscoverFrame(t *testing.T) {
	t.Parallel()
	f := discoverFrame(serverMAC, clientMAC, 7)
	if headerChecksum(f[ipStart:udpStart]) != 0 {
		t.Error("the IP header's checksum is wrong") // RFC 1071: over itself it is zero
	}
	if n := int(binary.BigEndian.Uint16(f[ipStart+2:])); n != len(f)-ipStart {
		t.Errorf("the IP header says %d bytes of %d", n, len(f)-ipStart)
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add(offerFrame(7, typeOffer), uint32(7))
	f.Add(offerFrame(7, typeOffer, optionRouter, 250), uint32(7))
	f.Fuzz(func(t *testing.T, frame []byte, id uint32) {
		o, err := parseOffer(frame, id)
		if err == nil && (!o.Addr.Is4() || !o.Server.Is4() || o.Bits < 0 || o.Bits > 32) {
			t.Errorf("%+v", o)
		}
	})
}
