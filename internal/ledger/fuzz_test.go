package ledger

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/lease"
)

// seal gives a ledger that was edited a right checksum and length.
func seal(tb testing.TB, header, body string) []byte {
	tb.Helper()
	data := []byte(fmt.Sprintf(header, strings.Repeat("0", sumLen), len(body)) + "\n" + body)
	_, at, err := formatOf(data)
	if err != nil {
		tb.Fatal(err)
	}
	copy(data[at:], checksum(data, at))
	return data
}

func FuzzDecode(f *testing.F) {
	f.Add(mustEncode(f, sample(0)))
	f.Add(mustEncode(f, sample(11)))
	f.Add([]byte(`{"format":1,"sha256":"`))
	f.Add([]byte(`{"format":1,"sha256":"","bytes":4}` + "\n" + strings.Repeat("0", sumLen)))
	f.Fuzz(func(t *testing.T, data []byte) {
		claimed(data)
		if _, err := decode(data); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Errorf("neither damaged nor newer: %v", err)
		}
	})
}

// What is behind a right checksum is read and written back the same, or not
// read at all.
func FuzzSealed(f *testing.F) {
	f.Add(`"generation":3,"leases":1,"cluster":"prod","nodes":{"pve1":{"version":"1","probers":["BC:24:11:00:01:00"]}}`, `{"a":"10.0.0.1","s":"b","o":"ct/101"}`+"\n")
	f.Add(`"leases":0,"x":[{}],"generation":1`, "")
	f.Fuzz(func(t *testing.T, members, body string) {
		data := fmt.Appendf(nil, `{"format":1,"sha256":"%0*d","bytes":%d,%s}`+"\n%s", sumLen, 0, len(body), members, body)
		_, sum, err := formatOf(data)
		if err != nil {
			t.Fatal(err)
		}
		copy(data[sum:], checksum(data, sum))
		table, err := decode(data)
		if err != nil {
			return
		}
		got, err := decode(mustEncode(t, table))
		if err != nil {
			t.Fatal(err)
		}
		sameTable(t, table, got)
		// That its lines were seen before makes no difference.
		was := memoOf(body)
		again, err := encode(table, was)
		if err != nil {
			t.Fatal(err)
		}
		e, err := unwrap(again)
		if err != nil {
			t.Fatal(err)
		}
		if got, err = e.table(was); err != nil {
			t.Fatal(err)
		}
		sameTable(t, table, got)
	})
}

// What is accepted as a line is written and read back the same.
func FuzzLine(f *testing.F) {
	for l := range sample(20).All() {
		line, err := appendLine(nil, &l)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(line[:len(line)-1]))
	}
	f.Add(`{"a":"10.0.0.1","s":"b","o":"ct/101","a":"::1","zz":{},"c":"- - - -0 00"}`)
	f.Add(`{"a":"0.0.0.0","s":"0","o":"ct/100","0` + "\xff" + `":true}`)
	f.Fuzz(func(t *testing.T, line string) {
		var l, got lease.Lease
		if parseLine(&l, line) != nil {
			return
		}
		again, err := appendLine(nil, &l)
		if err != nil {
			t.Fatalf("%q was read as %+v: %v", line, l, err)
		}
		err = parseLine(&got, string(again[:len(again)-1]))
		if err != nil || cmp.Diff(l, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) != "" {
			t.Errorf("%q\nread as %+v\nwritten as %q\nread as %+v, %v", line, l, again, got, err)
		}
	})
}
