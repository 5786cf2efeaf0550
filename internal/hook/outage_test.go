package hook

import (
	"reflect"
	"testing"
)

// A rehearsal's hook has everything that a real one has, made anew: what is
// added to Hook must be thought of in Outage.on, with something that changes
// nothing.
func TestOutageThinksOfEverything(t *testing.T) {
	t.Parallel()
	o := &Outage{hook: &Hook{}}
	h := reflect.ValueOf(*o.on("pve2", new(memo)))
	given := map[string]bool{"Here": true, "Pools": true, "Problems": true, "NewID": true, "Makers": true} // the real one's
	left := map[string]bool{"Quorate": true, "Draft": true, "Turn": true, "Slot": true, "Filter": true}    // nil: the ledger can be written, a config in one go, nobody waits, and no rules are made
	for i := range h.NumField() {
		if name := h.Type().Field(i).Name; !given[name] && !left[name] && h.Field(i).IsZero() {
			t.Errorf("Outage.on leaves %s out", name)
		}
	}
}
