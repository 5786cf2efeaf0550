package evidence_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/pve"
)

func TestReturn(t *testing.T) {
	t.Parallel()
	old, next := []netip.Addr{tested}, []netip.Addr{addr("10.0.0.220")}
	fine := evidence.Start{Node: "pve1", Before: old, After: old}
	for name, c := range map[string]struct {
		starts []evidence.Start
		want   string
		code   int
		do     string
	}{
		"as it is":           {[]evidence.Start{fine}, "ok CT 101 (web) comes back on pve1 with 10.0.0.219", 0, ""},
		"for the first time": {[]evidence.Start{{Node: "pve1", After: next}}, "ok CT 101 (web) comes up on pve1 with its first address, 10.0.0.220", 0, ""},
		"nothing of ours":    {[]evidence.Start{{Node: "pve1"}}, "ok CT 101 (web) comes back on pve1, and has no address of a pool", 0, ""},
		"elsewhere": {
			[]evidence.Start{{Node: "pve1", Before: old, After: next, Warns: []string{"10.0.0.219 is 100% taken"}}},
			"warning CT 101 (web) comes back on pve1 elsewhere, with 10.0.0.220 in place of 10.0.0.219 (10.0.0.219 is 100% taken)", 0, "whohas 10.0.0.219",
		},
		"with a warning that is not about an address": {
			[]evidence.Start{{Node: "pve1", Before: old, After: old, Warns: []string{"CT 101 has the ostype unmanaged"}}},
			"ok CT 101 (web) comes back on pve1 with 10.0.0.219", 0, "",
		},
		"with a warning that is": {
			[]evidence.Start{{Node: "pve1", Before: old, After: old, Warns: []string{"so; CT 101 starts with 10.0.0.219/24 as net0 says"}}},
			"warning CT 101 (web) comes back on pve1 with 10.0.0.219 (so; CT 101 starts with 10.0.0.219/24 as net0 says)", 0, "whohas 10.0.0.219",
		},
		"not": {
			[]evidence.Start{{Node: "pve1", Before: old, Code: 4, Errors: []string{"the pool is full"}}},
			"error CT 101 (web) does not come back on pve1: the pool is full", 4, "widen",
		},
		"not, for a conflict": {
			[]evidence.Start{{Node: "pve1", Before: old, Code: 3, Errors: []string{"10.0.0.219 is another's"}}},
			"error CT 101 (web) does not come back on pve1: 10.0.0.219 is another's", 3, "whohas 10.0.0.219",
		},
		"not, for something else": {
			[]evidence.Start{{Node: "pve1", Code: 1, Errors: []string{"net0: no"}}},
			"error CT 101 (web) does not come back on pve1: net0: no", 1, "whohas 101",
		},
		"no hookscript": {
			[]evidence.Start{{Node: "pve1", Before: old, Script: "is missing"}},
			"error CT 101 (web) does not come back on pve1: its hookscript is missing", 1, "doctor",
		},
		"the same on two nodes": {
			[]evidence.Start{fine, {Node: "pve2", Before: old, After: old}},
			"ok CT 101 (web) comes back on pve1 and pve2 with 10.0.0.219", 0, "",
		},
		"not on every node": {
			[]evidence.Start{fine, {Node: "pve2", Before: old, Script: "is missing"}},
			"warning CT 101 (web) comes back on pve1 with 10.0.0.219; does not come back on pve2: its hookscript is missing", 1, "on pve2",
		},
		"unserved on a node": {
			[]evidence.Start{fine, {Node: "pve2", Before: old, After: old, Unserved: []string{"vmbr0"}}},
			"warning CT 101 (web) comes back on pve1 with 10.0.0.219; comes back on pve2 with 10.0.0.219, which no pool proves there: none serves vmbr0", 0, "name pve2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			r := w.Return(evidence.Boot{Guest: w.Inventory.Guests[101]}, c.starts)
			if got := fmt.Sprintf("%s %s", r.Grade, r.Text); got != c.want || r.Code != c.code {
				t.Errorf("%s, code %d;\nwant %s, code %d", got, r.Code, c.want, c.code)
			}
			var do []string
			for _, s := range r.Do {
				do = append(do, s.How)
			}
			if all := strings.Join(do, "\n"); !strings.Contains(all, c.do) || (c.do == "") != (all == "") {
				t.Errorf("to do: %q, want %q", all, c.do)
			}
		})
	}
}

// Who was heard and will be there again: hosts, and guests that start by
// themselves without asking.
func TestRemaining(t *testing.T) {
	t.Parallel()
	w := newWorld()
	boots := []evidence.Boot{{Guest: w.Inventory.Guests[101]}, {Guest: w.Inventory.Guests[200]}}
	for name, c := range map[string]struct {
		heard []evidence.ProbeResult
		seg   pve.Segment
		boots []evidence.Boot
		want  []pve.MAC
	}{
		"nobody":                           {nil, lan, boots, nil},
		"a host":                           {heard(voice(printerMAC, "eno1")), lan, boots, []pve.MAC{printerMAC}},
		"on another network":               {heard(voice(printerMAC, "eno1")), pve.NewSegment("vmbr1", 0), boots, nil},
		"on another node of one network":   {heard(voice(printerMAC, "eno1")), pve.NewSegment("vmbr0", 0, "pve2"), boots, []pve.MAC{printerMAC}},
		"a guest with the hook":            {heard(voice(webMAC, "veth101i0")), lan, boots, nil},
		"a guest without it":               {heard(voice(tvMAC, "tap200i0")), lan, boots, []pve.MAC{tvMAC}},
		"a guest that nobody starts":       {heard(voice(tvMAC, "tap200i0")), lan, boots[:1], nil},
		"who answers for every address":    {heard(evidence.Responder{MAC: printerMAC, Proxy: true}), lan, boots, nil},
		"who only asks whether it is free": {heard(evidence.Responder{MAC: printerMAC, Asks: true}), lan, boots, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.Remaining(c.heard, c.boots)(c.seg, tested)
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
