package evidence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

func TestParseHA(t *testing.T) {
	t.Parallel()
	started := func(nodes ...string) evidence.Resource { return evidence.Resource{Started: true, Nodes: nodes} }
	for name, c := range map[string]struct {
		resources, groups, rules string
		want                     evidence.HA
	}{
		"nothing": {want: evidence.HA{}},
		"states": {
			resources: "ct: 101\n\tcomment x: y\n\nvm: 200\n\tstate enabled\n\nct: 102\n\tstate stopped\nct: 103\n\tstate ignored\n\nct: 104\n\tstate disabled\n",
			want:      evidence.HA{{VMID: 101}: started(), {Kind: pve.VM, VMID: 200}: started(), {VMID: 102}: {}, {VMID: 104}: {}},
		},
		"groups": {
			resources: "ct: 101\n\tgroup strict\n\nct: 102\n\tgroup loose\n\nct: 103\n\tgroup gone\n",
			groups:    "group: strict\n\tnodes pve1:2,pve2\n\trestricted 1\n\ngroup: loose\n\tnodes pve1\n\trestricted 0\n",
			want:      evidence.HA{{VMID: 101}: started("pve1", "pve2"), {VMID: 102}: started(), {VMID: 103}: started()},
		},
		"rules": {
			resources: "ct: 101\n\nct: 102\n\nct: 103\n\nct: 104\n",
			rules: "# ours\nnode-affinity: a\n\tresources ct:101,vm:999\n\tnodes pve1:2,pve3\n\tstrict 1\n\n" +
				"node-affinity: loose\n\tresources ct:102\n\tnodes pve1\n\n" +
				"node-affinity: off\n\tresources ct:103\n\tnodes pve1\n\tstrict\n\tdisable\n\n" +
				"resource-affinity: apart\n\tresources ct:103,ct:104\n\taffinity negative\n\tstrict 1\n",
			want: evidence.HA{{VMID: 101}: started("pve1", "pve3"), {VMID: 102}: started(), {VMID: 103}: started(), {VMID: 104}: started()},
		},
		"nonsense": {
			resources: "\tstate started\nct: web\n\nct: 101\n\tstate\n\x00\xff:\nfs: 102\n\nct:105\n",
			want:      evidence.HA{{VMID: 101}: started(), {VMID: 105}: started()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, evidence.ParseHA(c.resources, c.groups, c.rules)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzParseHA(f *testing.F) {
	f.Add("ct: 101\n\tgroup g\n", "group: g\n\tnodes a,b:1\n\trestricted\n", "node-affinity: r\n\tresources ct:101\n\tnodes a\n\tstrict 1\n")
	f.Add(":\n\t\n", "group:\n", "\x00")
	f.Fuzz(func(t *testing.T, resources, groups, rules string) {
		for sid := range evidence.ParseHA(resources, groups, rules) {
			if sid.VMID < 100 {
				t.Errorf("guest %d", sid.VMID)
			}
		}
	})
}

// Who starts, where, and in which order.
func TestBoots(t *testing.T) {
	t.Parallel()
	w := newWorld()
	confs := map[pve.VMID]string{
		101: "onboot: 1\n", 102: "onboot: 1\nstartup: order=3,up=5\n", 103: "onboot: 1\nstartup: 2\n", 104: "onboot: 0\n",
		105: "onboot: 1\n", 106: "startup: order=1\n", 107: "onboot: 1\n", 108: "onboot: 1\n\n[pve:pending]\nonboot: 0\n", 900: "onboot: 1\n",
	}
	for id := range confs {
		w.Inventory.Guests[id] = lease.Guest{VMID: id, Node: "pve1", Template: id == 900}
	}
	delete(w.Inventory.Guests, 200)
	ha := evidence.HA{{VMID: 105}: {Started: true}, {VMID: 106}: {Started: true, Nodes: []string{"pve3"}}, {VMID: 107}: {}}
	read := func(g lease.Guest) ([]byte, error) {
		if g.VMID == 104 {
			return nil, fmt.Errorf("unreadable")
		}
		return []byte(confs[g.VMID]), nil
	}
	var got []string
	for _, b := range w.Boots(read, ha, []string{"pve1", "pve2", "pve3"}) {
		got = append(got, fmt.Sprintf("%s %v %s", b.Guest.VMID, b.HA, strings.Join(b.Nodes, ",")))
	}
	want := []string{"103 false pve1", "102 false pve1", "101 false pve1", "108 false pve1", "106 true pve1,pve3", "105 true pve1,pve2,pve3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(w.Remarks) != 1 {
		t.Errorf("remarks %v, want one", w.Remarks)
	}
}
