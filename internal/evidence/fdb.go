package evidence

import (
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// FDBEntries says where the MAC addresses of a subject are plugged in, which
// is worth knowing also of a host whose address nobody knows.
func (e *Snapshot) FDBEntries(s Subject) []Observation {
	macs := []pve.MAC{s.MAC}
	if g, ok := e.guest(s.VMID); ok {
		macs = append(macs, g.MACs...)
	}
	d := &AddressFacts{Snapshot: e}
	var all []Observation
	for _, st := range e.Kernel.Stations {
		if st.MAC.IsZero() || !slices.Contains(macs, st.MAC) {
			continue
		}
		all = append(all, Observation{Source: "bridge", From: st.Bridge, At: e.Now.Add(-st.Seen).Truncate(time.Second), Text: st.describe(d)})
	}
	return all
}

// Involved lists the guests that the evidence of an address points at, to be
// looked at closer.
func (d *AddressFacts) Involved() []pve.VMID {
	var ids []pve.VMID
	add := func(o pve.Owner) {
		if !o.IsZero() && !slices.Contains(ids, o.VMID) {
			ids = append(ids, o.VMID)
		}
	}
	for _, h := range d.Results {
		for _, v := range h.Voices {
			add(d.identify(v.MAC, v.Port).Owner)
		}
	}
	for _, r := range d.rights() {
		add(r.owner)
	}
	for _, c := range d.Clients {
		add(d.identify(c.MAC, "").Owner)
	}
	return ids
}
