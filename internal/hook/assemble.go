package hook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/history"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
	"pve-iplease/internal/probe"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
	"pve-iplease/internal/vendor"
)

// Place says where the host's files are and which of them to use.
type Place struct {
	Root    string // put in front of every path of the host; empty: the host itself
	Config  string // the pools file, instead of the one that node.cfg names
	Version string // of this program
}

// Host is a Hook on this host, with what commands need beside it.
type Host struct {
	*Hook
	Node     *node.Host
	Settings config.Node
	History  history.File

	// PoolsFile is where the pools were read from.
	PoolsFile string
	configs   *inventory.Reader
}

// guestConfigs reads the configs of all nodes, by pmxcfs's own list where
// there is one.
func guestConfigs(n *node.Host, pmxcfs bool) *inventory.Reader {
	if pmxcfs {
		return inventory.NewClusterReader(n.PVE(), n.Path("/run/pve-iplease/inventory"), n.Addresses)
	}
	return inventory.NewReader(n.Path("/etc/pve"), n.Path("/run/pve-iplease/inventory"), n.Addresses)
}

// clusterDeadline is the shortest on pmxcfs, where the ledger begins nothing
// with less than 15 s left: a write can block for that long.
const clusterDeadline = 25 * time.Second

// nodeConfig is this node's own settings; Proxmox passes a hook no flags.
const nodeConfig = "/etc/pve-iplease/node.cfg"

// NewHost reads the configuration and puts the pieces together. Only what
// makes every further step senseless is an error; broken pools are not.
func NewHost(p Place, log *report.Log) (*Host, error) {
	n, err := node.Open(p.Root)
	if err != nil {
		return nil, err
	}
	settings, problems, err := readSettings(n)
	if err != nil {
		return nil, err
	}
	pmxcfs := n.OnPmxcfs()
	if pmxcfs {
		settings.Deadline = max(settings.Deadline, clusterDeadline)
	}
	file := p.Config
	if file == "" {
		file = n.Path(settings.Pools)
	}
	pools, found := readPools(n, file)
	l, err := openLedger(n, settings, p.Root != "", log)
	if err != nil {
		return nil, err
	}
	configs := guestConfigs(n, pmxcfs)
	past := history.File(n.Path("/var/lib/pve-iplease/history.jsonl"))
	host := &Host{Node: n, Settings: settings, configs: configs, History: past, PoolsFile: file, Hook: &Hook{
		Env: Env{
			Name: n.Name(), Boot: n.Boot(), Version: p.Version,
			Uptime: n.Uptime, Now: time.Now, Orphaned: n.Orphaned, Under: n.StoppingRun,
			Arriving: os.Getenv("PVE_MIGRATED_FROM"),
		},
		Pools: pools, Problems: append(problems, found...),
		Ledger: l, Guests: n, Runs: n, VMs: n.VMs(), LXC: n.LXC(), Gateways: n.Gateways(), Inventory: configs.Read,
		Draft:   func(k pve.Kind, id pve.VMID, content []byte) (Draft, error) { return n.Draft(k, id, content) },
		Quorate: func(ctx context.Context) error { return quorate(ctx, n) },
		Open:    wires(n, settings, log),
		NewID:   newID, Background: background, Parallel: parallel, Makers: vendor.Open(n.Path(vendor.Debian)), Log: log,
		// A history that can't be written is no reason to keep a guest from starting.
		Remember: func(e history.Event) { _ = past.Append(e) },
		LastMAC:  past.LastMAC, LeaveAnnouncement: n.LeaveAnnouncement, Filter: n.Firewall(),
		Proved: n.Proved(), Heard: n.Heard(), Unbound: n.Unbound(), Unreleased: n.Unreleased(),
	}}
	host.Noting()
	return host, nil
}

// openLedger opens the ledger, and gives back its lock if a process of this node
// was killed with it.
func openLedger(n *node.Host, settings config.Node, scratch bool, log *report.Log) (*ledger.Ledger, error) {
	l, err := ledger.Open(ledger.Options{
		Dir: n.Path(settings.Ledger), PVE: n.Path("/etc/pve"), Mount: n.PVE(), Run: n.Path("/run/pve-iplease"), Used: n.Path(ledger.UsedPath), Scratch: scratch,
		Cluster: n.Cluster(), Note: func(s string) { log.Warn(s, report.Fields{}) },
	})
	if err == nil {
		_ = l.Relieve() // who writes next on this node does it otherwise
	}
	return l, err
}

// wires opens networks of this node.
func wires(n *node.Host, settings config.Node, log *report.Log) func(probe.Place) (Wire, bool, error) {
	return func(at probe.Place) (Wire, bool, error) {
		if b := uplinkBudget(n, settings, at.Bridge, log); b != nil {
			at.Budget = b
		}
		port, err := probe.Open(at, n.DeclaredUplinks(at.Bridge))
		if err != nil {
			return nil, false, err
		}
		return port, port.Closed(), nil
	}
}

// uplinkBudget is what all of this node's questions and announcements share on
// the uplink of a bridge; nil: nothing is shared.
func uplinkBudget(n *node.Host, settings config.Node, bridge string, log *report.Log) *probe.Budget {
	if settings.ARPRate == 0 || bridge == "" {
		return nil
	}
	return probe.NewBudget(settings.ARPRate, n.ARPShare(bridge), func(format string, args ...any) {
		log.Info(fmt.Sprintf("%s: "+format, append([]any{report.Clean(bridge)}, args...)...), report.Fields{})
	})
}

// readSettings reads node.cfg. A path in it that is wrong is an error: the
// default may be another ledger, and two ledgers would lease one address twice.
func readSettings(n *node.Host) (config.Node, []config.Problem, error) {
	path := n.Path(nodeConfig)
	data, err := n.ReadTrusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config.DefaultNode(), nil, nil
	}
	if err != nil {
		return config.Node{}, nil, err
	}
	settings, problems := config.ParseNode(path, data)
	for _, p := range problems {
		if !p.Warning {
			return settings, nil, p
		}
	}
	return settings, problems, nil
}

// readPools reads the pools file. One that can't be read at all counts as a
// broken pool that may have been meant for every NIC.
func readPools(n *node.Host, path string) (*config.Config, []config.Problem) {
	data, err := n.ReadTrusted(path)
	for try := 0; errors.Is(err, fs.ErrNotExist) && try < 10 && n.OnPmxcfs(); try++ {
		// While it is replaced and somebody on this node has it open, pmxcfs
		// has no file of the name for a moment (libfuse, hide_node).
		time.Sleep(10 * time.Millisecond)
		data, err = n.ReadTrusted(path)
	}
	if err == nil {
		c, problems := config.Parse(path, data)
		return unattributed(c, problems), problems
	}
	text := strings.TrimPrefix(err.Error(), path+": ") // which the problem names itself
	if errors.Is(err, fs.ErrNotExist) {
		text = "the file is missing; write a pool into it"
	}
	c := &config.Config{Named: map[netip.Addr]string{}, Disabled: []config.Disabled{{Kind: "pool", Why: text}}}
	return c, []config.Problem{{File: path, Text: text}}
}

// quorate asks whether the cluster accepts writes. pmxcfs may take longer to
// say so than anybody has time; the question is then left behind.
func quorate(ctx context.Context, n *node.Host) error {
	answer := make(chan error, 1)
	go func() {
		ok, err := n.Quorate()
		if err == nil && !ok {
			err = fmt.Errorf("%w: see 'pvecm status'", ledger.ErrNoQuorum)
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: pmxcfs doesn't answer", ledger.ErrNoQuorum)
	}
}

// unattributed takes what is wrong outside of every section for a pool that can't
// be read: it may have been meant for any NIC.
func unattributed(c *config.Config, problems []config.Problem) *config.Config {
	for _, p := range problems {
		if !p.Warning && p.Section == "" {
			c.Disabled = append(c.Disabled, config.Disabled{Kind: "pool", Line: p.Line, Why: p.Text})
		}
	}
	return c
}

// headStart is how long after the first probes other work begins: the shortest
// window leaves time enough for it, and others that start at the same time should
// claim their address first, since their windows are yet to come.
const headStart = 200 * time.Millisecond

// background does some work in a goroutine while answers to the probes are waited
// for; at once when it is waited for before that.
func background(work func()) (wait func()) {
	done := make(chan struct{})
	run := func() { defer close(done); work() }
	later := time.AfterFunc(headStart, run)
	return func() {
		if later.Stop() {
			run()
		}
		<-done
	}
}

// parallel does the first work just here, and each other one in a goroutine.
func parallel(works ...func()) {
	if len(works) == 0 {
		return
	}
	var wg sync.WaitGroup
	for _, work := range works[1:] {
		wg.Go(work)
	}
	works[0]()
	wg.Wait()
}

// newID is a claim's name: 32 random bits, enough to tell one owner's claims
// on one address from each other.
func newID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Main is the hook as Proxmox calls it. It ends by its deadline, come what may.
func Main(ctx context.Context, c Call, version string, stdout, stderr io.Writer) int {
	ctx, cancel := WithDeadline(ctx, deadlineOf(c.Root))
	defer cancel()
	return Bound(ctx, grace,
		func() int { return serve(ctx, c, version, stdout, stderr) },
		func() int {
			log := report.New(stdout, stderr, journal(c.Root))
			log.Error(Overdue(ctx, c.Root).Error(), report.Fields{VMID: c.VMID, Phase: string(c.Phase), Outcome: "failed"})
			return Failed
		})
}

// deadlineOf is what node.cfg says, read before anything asks pmxcfs.
func deadlineOf(root string) time.Duration {
	n, err := node.Open(root)
	if err != nil {
		return config.DefaultNode().Deadline
	}
	settings, _, err := readSettings(n)
	if err != nil {
		return config.DefaultNode().Deadline
	}
	return settings.Deadline
}

func serve(ctx context.Context, c Call, version string, stdout, stderr io.Writer) int {
	if c.Phase == PostStart && !c.Options.DryRun {
		postStart(ctx, c, stdout, stderr)
	}
	extra := extraHooks(c.Root)
	if (c.Phase == PostStart && !leftUnbound(c.Root) || c.Phase == PreStop) && len(extra) == 0 {
		return OK // nothing is done there: don't even look at the host
	}
	place := Place{Root: c.Root, Config: c.Config, Version: version}
	log := report.New(stdout, stderr, journal(c.Root))
	about := report.Fields{VMID: c.VMID, Phase: string(c.Phase), Outcome: "failed"}
	h, err := NewHost(place, log)
	if err != nil {
		log.Error(err.Error(), about)
		return Failed
	}
	allow(ctx, h.Settings.Deadline)
	code := h.work(ctx, c, about)
	if c.Options.DryRun {
		return code
	}
	return h.runExtra(ctx, c, extra, code)
}

// work does what the phase asks for.
func (h *Host) work(ctx context.Context, c Call, about report.Fields) int {
	if c.Options.DryRun {
		if err := h.Rehearse(ctx); err != nil {
			h.Log.Error(fmt.Sprintf("dry run: %v", err), about)
			return exitCode(err)
		}
	}
	if !c.Options.DryRun {
		h.Slot = h.inTurn
	}
	code := h.Run(ctx, c.VMID, c.Phase, c.Options)
	if !c.Options.DryRun && code == OK { // one that was stopped writes nothing
		h.configs.Save()
	}
	return code
}

// Rehearse lets everything happen to a copy of the ledger that nobody else
// will see.
func (h *Host) Rehearse(ctx context.Context) error {
	t, err := h.Ledger.View(ctx)
	if err != nil {
		return err
	}
	h.Ledger = rehearsal{t}
	return nil
}

// rehearsal is a ledger that nobody else will ever see.
type rehearsal struct{ t *lease.Table }

func (r rehearsal) View(context.Context) (*lease.Table, error) { return r.t, nil }

func (r rehearsal) Update(_ context.Context, f func(*lease.Table) error) error { return f(r.t) }

func (r rehearsal) Rebuild(context.Context, time.Time, func() (*lease.Table, error)) (int, error) {
	return 0, nil
}
