// Package hook is the product's main job: what happens when Proxmox calls the
// hookscript of a guest. Its files are in reading order: hook.go, prestart.go,
// claim.go (an address from the pool), prove.go (on the wire), write.go (into
// the guest's config), degraded.go (when pools or ledger are unusable) and
// poststop.go.
package hook

import (
	"context"
	"net/netip"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/history"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/vendor"
)

// Phase is a moment of a guest's life at which Proxmox calls its hookscript
// (PVE::GuestHelpers::exec_hookscript).
type Phase string

// The phases. A newer Proxmox may add some; they are none of our business.
const (
	PreStart  Phase = "pre-start"
	PostStart Phase = "post-start"
	PreStop   Phase = "pre-stop"
	PostStop  Phase = "post-stop"
)

// Exit codes, the same for the hook and for the commands.
const (
	OK        = 0
	Failed    = 1
	Usage     = 2
	Conflict  = 3
	Exhausted = 4
	Locked    = 5
)

// Ledger is the shared state file.
type Ledger interface {
	View(context.Context) (*lease.Table, error)
	Update(context.Context, func(*lease.Table) error) error
	Rebuild(ctx context.Context, now time.Time, f func() (*lease.Table, error)) (kept int, err error)
}

// Guests are this node's guest configs and Proxmox's lock on each.
type Guests interface {
	ReadGuest(pve.Kind, pve.VMID) ([]byte, error)
	LockGuest(context.Context, pve.VMID, time.Duration) (unlock func(), err error)
	Replace(ctx context.Context, k pve.Kind, id pve.VMID, old, data []byte) error
}

// Draft is a guest's next config, written beside the present one.
type Draft interface {
	Put(ctx context.Context, old []byte) error
	Discard()
}

// Runs tells whether a container runs on this node. Running is quick; to find
// one that is still stopping, every process must be asked.
type Runs interface {
	Running(pve.VMID) (bool, error)
	RunState(pve.VMID) (node.State, error)
	AwaitStopped(context.Context, pve.VMID) error
}

// Wire is a port on a guest's network.
type Wire interface {
	Ask(context.Context, probe.Question) (probe.Result, error)
	MAC() pve.MAC
	Close()
}

// Gateways remembers which gateway has answered from outside of this node: its
// MAC, and whether it is to be expected that it answers now. Learn tells of
// another MAC that answered until now.
type Gateways interface {
	MAC(bridge string, tag uint16, gateway netip.Addr) (mac pve.MAC, due bool)
	Learn(bridge string, tag uint16, gateway netip.Addr, mac pve.MAC, port string) (was pve.MAC)
	Missed(bridge string, tag uint16, gateway netip.Addr)
}

// Env is this node at the time of the call.
type Env struct {
	Name    string
	Boot    string
	Version string
	Uptime  func() time.Duration
	// Under finds the lxc-start that a post-stop runs under, and when it began, counted from boot.
	Under    func(pve.VMID) (time.Duration, bool)
	Now      func() time.Time
	Orphaned func() bool // the process that called us is gone
	// Arriving is the node that a VM comes from while it runs; empty: none does.
	Arriving string
}

// Hook puts the pieces together. Every field must be set, but for those that
// say what nil means.
type Hook struct {
	Env               Env
	Pools             *config.Config
	Problems          []config.Problem // of the pools file; a section that has one is disabled
	Ledger            Ledger
	Guests            Guests
	Draft             func(pve.Kind, pve.VMID, []byte) (Draft, error) // nil: a config is written in one go
	Runs              Runs
	VMs               VMs
	LXC               LXC
	Gateways          Gateways
	Quorate           func(context.Context) error // nil: the ledger can be written
	Inventory         func(context.Context) (lease.Inventory, error)
	Open              func(at probe.Place) (wire Wire, closed bool, err error)
	NewID             func() string                       // a random name for a claim
	Background        func(work func()) (wait func())     // does some work beside what follows, until wait is called
	Slot              func(context.Context) (done func()) // waits until few starts work; nil: all do at once
	Parallel          func(works ...func())               // does all of them at once, and returns when they are done
	Makers            *vendor.List                        // of network cards; nil: those that are built in
	Remember          func(history.Event)
	LastMAC           func(netip.Addr) pve.MAC     // that this node remembers of an address; zero: none
	Filter            Filter                       // nil: there is none
	LeaveAnnouncement func(pve.VMID, []byte) error // leaves word for the guest's post-start
	Proved            Notes                        // by the id of a contested claim: it is proved
	Unbound           Notes                        // of starts whose lease is released: the ledger could not be written
	Heard             Notes                        // by owner and address: who spoke for it at the last proof
	Unreleased        Notes                        // of runs that ended: the ledger could not be written
	Log               *report.Log
}

// Options are what a person may ask for beside VMID and phase.
type Options struct {
	DryRun  bool // change nothing, but probe
	Explain bool // say why this address and why not the others
	Move    bool // another address than the present one, for one NIC and family:
	NIC     int
	Family  pve.Family
}

// Run does what the phase asks for and returns the exit code.
func (h *Hook) Run(ctx context.Context, id pve.VMID, phase Phase, opt Options) int {
	r := run{Hook: h, id: id, phase: phase, opt: opt}
	switch phase {
	case PreStart:
		return r.preStart(ctx)
	case PostStop:
		return r.postStop(ctx)
	case PostStart:
		_ = r.Bind(ctx) // the next hook or command does
		return OK
	case PreStop:
		return OK
	}
	r.info("phase %s is unknown to this version: nothing to do", report.Clean(string(phase)))
	return OK
}

// run is one call of the hook.
type run struct {
	*Hook
	id       pve.VMID
	phase    Phase
	opt      Options
	set      Setter        // nil: the guest's config is written here
	foreseen bool          // the start is yet to come
	stays    bool          // down: it ends before the guest has started
	declined []netip.Addr  // that strangers were heard with
	claimed  *lease.Table  // the ledger as it was at the claims
	made     []*assignment // those claims, wherever they have moved since
	slot     func()        // ends its turn; nil: it has none

	overwritten bool // the config was written, and changed by somebody else at once
}
