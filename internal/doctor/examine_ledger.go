package doctor

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// lockHeld is the age of a lock that nobody holds for so long who lives: a change
// takes milliseconds, and waits for 15 s at most.
const lockHeld = 20 * time.Second

// ledger: whether it can be read, is whole, and has room.
func (x *examination) ledger() {
	s := x.Ledger
	switch {
	case s.Dir == "": // node.cfg has a problem that says so
		return
	case errors.Is(s.Err, ledger.ErrUnmounted) && x.Mount != "":
		return // said already
	case s.Err != nil:
		x.fault(evidence.Wrong, "ledger", s.Err)
	case len(s.Places) == 0:
		x.say(evidence.OK, "ledger", report.Clean(s.Dir)+": none yet, the first start makes it", "")
	default:
		x.say(evidence.OK, "ledger", fmt.Sprintf("%s: %s, generation %d, %s", report.Clean(s.Dir), ui.Plural(x.Table.Len(), "lease"), x.Table.Generation, s.form()), "")
	}
	x.places()
	if !s.Shared && len(x.Nodes) > 1 {
		x.say(evidence.Doubtful, "ledger", fmt.Sprintf("%s is this node's alone, and the cluster has %d nodes: two of them can lease one address if their pools share a network",
			report.Clean(s.Dir), len(x.Nodes)), "take 'ledger' out of node.cfg, or give each node ranges of its own")
	}
	if s.Locked > lockHeld {
		lock := "/etc/pve/priv/lock/" + path.Base(s.Dir)
		x.say(evidence.Doubtful, "ledger", fmt.Sprintf("its lock, %s, is %s old: a process was killed with it on another node, and starts that need it wait until Proxmox lets it go after two minutes", lock, evidence.Age(s.Locked)),
			"any pve-iplease command on the node that left it clears it at once: call one on each node that started or stopped a guest then", "pve-iplease status")
	}
	if len(s.Kept) > 0 {
		x.say(evidence.Doubtful, "ledger", fmt.Sprintf("%s kept beside it from an earlier repair", ui.Plural(len(s.Kept), "damaged ledger")), "when nobody needs to look into them any more",
			"rm "+report.Clean(s.Dir)+"/ledger*.bad-*")
	}
}

// form is how it is stored, and how much room is left.
func (s Store) form() string {
	form, size, limit := "one file", 0, 0
	if s.Shared && len(s.Places) > 1 {
		form = "two slots"
	}
	for _, p := range s.Places {
		size, limit = max(size, p.Bytes), max(limit, p.Limit)
	}
	if limit == 0 {
		return fmt.Sprintf("%s of %d KiB", form, (size+1023)/1024)
	}
	return fmt.Sprintf("%s, %d of %d KiB used", form, (size+1023)/1024, limit/1024)
}

// places looks at each half. One that was never written is no damage.
func (x *examination) places() {
	for _, p := range x.Ledger.Places {
		switch {
		case p.Err != nil && x.Ledger.Err == nil && !p.Missing && p.Bytes > 0:
			x.say(evidence.Doubtful, "ledger", fmt.Sprintf("one half of it is no ledger: %s; the other half counts", report.Clean(p.Err.Error())), "the next change writes it anew")
		case p.Limit > 0 && p.Bytes > p.Limit/5*4:
			x.say(evidence.Doubtful, "ledger", fmt.Sprintf("%s has %d of the %d KiB that Proxmox allows a file: past it no lease can be stored", report.Clean(p.Name), p.Bytes/1024, p.Limit/1024),
				"free what nobody needs", "pve-iplease reclaim")
		}
	}
}

// skew is how far another node's clock may be off before it is worth a word.
const skew = time.Minute

// clock: order is told by the ledger's generations, but holds, offers and what
// people read are told by clocks.
func (x *examination) clock() {
	fine := true
	doubt := func(text, how string, lines ...string) {
		fine = false
		x.say(evidence.Doubtful, "clock", text, how, lines...)
	}
	if x.Clock.Asked && !x.Clock.Synced {
		doubt("nothing keeps this node's clock right: holds end too early or too late", "", "systemctl enable --now chrony")
	}
	if off := x.Clock.RTC.Abs(); off > skew {
		doubt(fmt.Sprintf("the hardware clock is %s off: the node comes up with a wrong time", evidence.Age(off)), "", "hwclock --systohc")
	}
	for _, n := range x.ahead() {
		doubt(n, "compare the clocks of the nodes", "timedatectl")
	}
	if fine {
		x.say(evidence.OK, "clock", "nothing is wrong with it as far as can be told", "")
	}
}

// ahead finds nodes whose claims come from the future.
func (x *examination) ahead() (all []string) {
	if x.Table == nil {
		return nil
	}
	most := map[string]time.Duration{}
	for l := range x.Table.All() {
		if d := l.Claim.At.Sub(x.Now); d > skew {
			most[l.Claim.Node] = max(most[l.Claim.Node], d)
		}
	}
	for n, d := range most {
		all = append(all, fmt.Sprintf("node %s took leases %s in the future: its clock was ahead of this one, or this one is behind", report.Clean(n), evidence.Age(d)))
	}
	slices.Sort(all)
	return all
}
