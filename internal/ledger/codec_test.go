package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func mustEncode(tb testing.TB, t *lease.Table) []byte {
	tb.Helper()
	data, err := encode(t, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 40} {
		want := sample(n)
		want.Extra = []byte(`"season":"autumn","list":[1,{"a":"\u00e9"}]`)
		data := mustEncode(t, want)
		got, err := decode(data)
		if err != nil {
			t.Fatalf("%d leases: %v", n, err)
		}
		sameTable(t, want, got)
		if again := mustEncode(t, got); !bytes.Equal(again, data) {
			t.Errorf("%d leases: encoding again gives\n%s\nafter\n%s", n, again, data)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	table := lease.NewTable()
	table.Generation, table.Cluster = 7, "prod"
	table.Nodes["pve1"] = lease.NodeInfo{Version: "1.0.0", Probers: []pve.MAC{{0xbc, 0x24, 0x11, 0, 1, 0}}}
	l := typical(0x00c9)
	l.Owner.VMID, l.Gen = 101, 6
	table.Add(l)
	l.Addr, l.State, l.Since = l.Addr.Next(), lease.Released, l.Since.Add(time.Minute)
	l.Owner.NIC, l.Segment = 1, pve.NewSegment("vmbr1", 20, "pve2", "pve1")
	table.Add(l)
	_, got, _ := strings.Cut(string(mustEncode(t, table)), `","generation"`)
	want := `:7,"bytes":268,"leases":2,"cluster":"prod","nodes":{"pve1":{"version":"1.0.0","probers":["BC:24:11:00:01:00"]}}}
{"a":"10.0.0.201","s":"vmbr0","o":"ct/101","m":"bc24110000c9","c":"k30000c9 pve1 1a2b3c4d n84 t62s5l","g":6}
{"a":"10.0.0.202","s":"vmbr1","vlan":20,"nodes":"pve1,pve2","o":"ct/101/net1","m":"bc24110000c9","c":"k30000c9 pve1 1a2b3c4d n84 t62s5l","g":6,"r":1763726661}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTypicalLineIsShort(t *testing.T) {
	t.Parallel()
	l := typical(4999)
	l.Claim.Up = 30 * 24 * time.Hour
	line, err := appendLine(nil, &l)
	if err != nil || len(line) > typicalLine+1 {
		t.Errorf("%d bytes, %v: %s", len(line), err, line)
	}
}

// Whatever byte of a ledger is changed, lost or added, decode notices.
func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	whole := mustEncode(t, sample(12))
	check := func(what string, data []byte) {
		t.Helper()
		if _, err := (Slot{Name: "ledger", Data: data, Exact: true}).unwrap(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x20, 0x80} {
			data := bytes.Clone(whole)
			data[i] ^= flip
			check(fmt.Sprintf("byte %d ^ %#x", i, flip), data)
		}
		check(fmt.Sprintf("the first %d bytes", i), whole[:i])
		check(fmt.Sprintf("byte %d missing", i), append(bytes.Clone(whole[:i]), whole[i+1:]...))
		check(fmt.Sprintf("byte %d twice", i), append(bytes.Clone(whole[:i+1]), whole[i:]...))
	}
	check("zeros", make([]byte, len(whole)))
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"format":1,"sha256":"%s","generation":3,"bytes":%d,"leases":1,"cluster":""}`
	tests := map[string]struct {
		head, body string
		want       error
		text       string
	}{
		"newer":        {`{"format":2,"sha256":"%s","bytes":%d,"generation":"seven","cluster":9}`, "whatever\n", ErrNewer, "format 2"},
		"no lease":     {head, "", ErrDamaged, "0 of its 1 leases"},
		"two leases":   {head, `{"a":"10.0.0.1","s":"b","o":"ct/101"}` + "\n" + `{"a":"10.0.0.2","s":"b","o":"ct/102"}` + "\n", ErrDamaged, "2 of its 1"},
		"no end":       {head, `{"a":"10.0.0.1","s":"b","o":"ct/101"}`, ErrDamaged, "line 2 does not end"},
		"no owner":     {head, `{"a":"10.0.0.1","s":"b"}` + "\n", ErrDamaged, "no owner"},
		"no address":   {head, `{"s":"b","o":"ct/101"}` + "\n", ErrDamaged, "not an address"},
		"no bridge":    {head, `{"a":"10.0.0.1","o":"ct/101"}` + "\n", ErrDamaged, "no bridge"},
		"bad address":  {head, `{"a":"10.0.0","s":"b","o":"ct/101"}` + "\n", ErrDamaged, "line 2"},
		"bad owner":    {head, `{"a":"10.0.0.1","s":"b","o":"ct/1"}` + "\n", ErrDamaged, "not an owner"},
		"bad claim":    {head, `{"a":"10.0.0.1","s":"b","o":"ct/101","c":"a b c 4"}` + "\n", ErrDamaged, "five parts"},
		"bad MAC":      {head, `{"a":"10.0.0.1","s":"b","o":"ct/101","m":"bc24"}` + "\n", ErrDamaged, "MAC"},
		"bad number":   {head, `{"a":"10.0.0.1","s":"b","o":"ct/101","vlan":70000}` + "\n", ErrDamaged, "70000"},
		"bad unknown":  {head, `{"a":"10.0.0.1","s":"b","o":"ct/101","zz":tru}` + "\n", ErrDamaged, "JSON"},
		"no object":    {head, "null\n", ErrDamaged, "JSON"},
		"missing node": {`{"format":1,"sha256":"%s","bytes":%d,"nodes":{"pve1":{"probers":["x"]}}}`, "", ErrDamaged, "node pve1"},
		"no number":    {`{"format":1,"sha256":"%s","bytes":%d,"generation":-1}`, "", ErrDamaged, "first line"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(seal(t, tt.head, tt.body))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v; want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

// A line may be written in any way that JSON knows.
func TestDecodeIsLenientAboutNotation(t *testing.T) {
	t.Parallel()
	body := `{ "o":"ct\/101/net1" , "s" : "vmbr0","x":0, "a":"10.0.0.1","zz":[ 1, "]" ],"c":"- - - 0 0","yy":"\"" }` + "\n"
	table, err := decode(seal(t, `{"format":1,"sha256":"%s","leases": 1,"bytes": %d,"blob":{"a":1}}`, body))
	if err != nil {
		t.Fatal(err)
	}
	want := lease.NewTable()
	want.Extra = []byte(`"blob":{"a":1}`)
	want.Add(lease.Lease{
		Key:   lease.Key{Segment: pve.NewSegment("vmbr0", 0), Addr: netip.MustParseAddr("10.0.0.1")},
		Owner: pve.Owner{VMID: 101, NIC: 1}, State: lease.Conflicted, Extra: []byte(`"zz":[ 1, "]" ],"yy":"\""`),
	})
	sameTable(t, want, table)
}

func TestEncodeRefusesWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*lease.Lease){
		"no bridge":     func(l *lease.Lease) { l.Segment.Bridge = "" },
		"blank":         func(l *lease.Lease) { l.Claim.ID = "a b" },
		"quote":         func(l *lease.Lease) { l.Segment.Bridge = `vm"br` },
		"newline":       func(l *lease.Lease) { l.Segment.Nodes = "a\nb" },
		"dash":          func(l *lease.Lease) { l.Claim.Node = "-" },
		"UTF-8":         func(l *lease.Lease) { l.Claim.Boot = "\xff" },
		"no owner":      func(l *lease.Lease) { l.Owner = pve.Owner{} },
		"small VMID":    func(l *lease.Lease) { l.Owner.VMID = 99 },
		"NIC":           func(l *lease.Lease) { l.Owner.NIC = -1 },
		"kind":          func(l *lease.Lease) { l.Owner.Kind = 2 },
		"state":         func(l *lease.Lease) { l.State = 9 },
		"origin":        func(l *lease.Lease) { l.Origin = 9 },
		"zone":          func(l *lease.Lease) { l.Addr = netip.MustParseAddr("fe80::1%eth0") },
		"old with zone": func(l *lease.Lease) { l.Was = netip.MustParseAddr("fe80::1%eth0") },
	}
	for name, spoil := range tests {
		l := typical(1)
		spoil(&l)
		table := lease.NewTable()
		table.Add(l)
		if data, err := encode(table, nil); err == nil {
			t.Errorf("%s: encoded as %s", name, data)
		}
	}
}
