package hook_test

import (
	"flag"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab/pmxcfs"
	"pve-iplease/internal/pve"
)

var crowdEach = flag.Int("crowd.each", 20, "how many containers each of three nodes starts at once in TestCrowdOnTheRealThing")

// Where each change takes as long as on three nodes with a real corosync, the
// lock is the bottleneck, and everybody gets through all the same.
func TestCrowdOnTheRealThing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	c := newFederation(t, vast, 3)
	for _, h := range c.hosts {
		h.settings("") // the usual deadline
	}
	c.hosts[0].gateway()
	c.Take(pmxcfs.Measured)
	var all []*running
	for i, h := range c.hosts {
		all = append(all, h.crowd(pve.VMID(1000*(i+1)), *crowdEach)...)
	}
	for _, r := range all {
		r.wait().exits(hook.OK).omits("error", "in use by")
	}
	c.hosts[2].distinctIn(3 * *crowdEach)
}
