package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/config"
	"pve-iplease/internal/evidence"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/ledger"
	"pve-iplease/internal/node"
)

// nodeConfig is this node's own settings.
const nodeConfig = "/etc/pve-iplease/node.cfg"

// Examined is where to look, with which program.
type Examined struct {
	Root    string // put in front of every path of the host
	Config  string // the pools file, instead of the one that node.cfg names
	Version string // of this program
	Now     time.Time
}

// LookAtSetup looks at this node without a working configuration: whatever is
// broken is what it is asked for. Only a root directory that is none is an error.
func LookAtSetup(ctx context.Context, where Examined) (*Setup, error) {
	n, err := node.Open(where.Root)
	if err != nil {
		return nil, err
	}
	s := &Setup{
		Now: where.Now, Node: n.Name(), Version: where.Version, Cluster: n.Cluster(), Scratch: where.Root != "",
		Clock: lookAtClock(n, where.Now), Rights: lookAtRights(),
	}
	s.Program, _ = os.Executable()
	v := visit{Setup: s, node: n}
	v.configs(where.Config)
	v.cluster(ctx)
	v.inventory(ctx)
	v.ledger(ctx)
	v.scripts()
	v.bridges()
	v.Gateways = n.Gateways().All()
	v.Firewall = evidence.LookAtFirewall(n, v.Inventory, func(g lease.Guest) ([]byte, error) { return os.ReadFile(evidence.GuestPath(n.Path, g)) })
	v.loose()
	return s, nil
}

// visit is one look.
type visit struct {
	*Setup
	node     *node.Host
	settings config.Node
}

// configs reads node.cfg and the pools file.
func (v *visit) configs(pools string) {
	v.settings = config.DefaultNode()
	path := v.node.Path(nodeConfig)
	data, err := v.node.ReadTrusted(path)
	switch {
	case err == nil:
		v.settings, v.Problems = config.ParseNode(nodeConfig, data)
	case !errors.Is(err, fs.ErrNotExist):
		v.Problems = append(v.Problems, config.Problem{File: nodeConfig, Text: plainly(err, path)})
	}
	v.File = v.settings.Pools
	if path = v.node.Path(v.File); pools != "" {
		v.File, path = pools, pools
	}
	if v.File == "" {
		return // node.cfg has a problem that says so
	}
	if data, err = v.node.ReadTrusted(path); err != nil {
		text := plainly(err, path)
		if errors.Is(err, fs.ErrNotExist) {
			text = "the file is missing; write a pool into it"
		}
		v.Problems = append(v.Problems, config.Problem{File: v.File, Text: text})
		return
	}
	c, problems := config.Parse(v.File, data)
	v.Problems = append(v.Problems, problems...)
	v.Pools, v.Reserved = c.Pools, len(c.Reservations)
}

// plainly takes the path out of an error whose file is named beside it.
func plainly(err error, path string) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), path+": ")
}

// cluster asks whether /etc/pve is there, and which nodes there are.
func (v *visit) cluster(ctx context.Context) {
	if !v.node.Mounted() {
		v.Mount = "/etc/pve is not mounted"
		return
	}
	answer := make(chan string, 1)
	go func() { answer <- quorumProblem(v.node) }()
	select {
	case v.Quorum = <-answer:
	case <-ctx.Done():
		v.Quorum = "/etc/pve doesn't answer whether the cluster has quorum"
	}
	entries, _ := os.ReadDir(v.node.Path("/etc/pve/nodes"))
	for _, e := range entries {
		if e.IsDir() {
			v.Nodes = append(v.Nodes, e.Name())
		}
	}
	v.Members = v.node.Members()
}

func quorumProblem(n *node.Host) string {
	switch ok, err := n.Quorate(); {
	case err != nil:
		return err.Error()
	case !ok:
		return "the cluster has no quorum, and /etc/pve is read-only"
	}
	return ""
}

// inventory reads all guests' configs.
func (v *visit) inventory(ctx context.Context) {
	known := v.node.Path("/run/pve-iplease/inventory") // what a start would go by
	r := inventory.NewReader(v.node.Path("/etc/pve"), known, v.node.Addresses)
	if v.node.OnPmxcfs() {
		r = inventory.NewClusterReader(v.node.PVE(), known, v.node.Addresses)
	}
	inv, err := r.Read(ctx)
	if err == nil {
		v.Inventory = inv
	} else {
		v.Unlisted = err.Error()
	}
	for id, g := range v.Inventory.Guests {
		if !g.Hooked || g.Node != v.Node {
			continue
		}
		if data, err := os.ReadFile(evidence.GuestPath(v.node.Path, g)); err == nil && guest.Parse(g.Kind, data).OSType() == "unmanaged" {
			v.Plain = append(v.Plain, id)
		}
	}
	slices.Sort(v.Plain)
}

// ledger looks at what is stored, and at its lock.
func (v *visit) ledger(ctx context.Context) {
	v.Ledger.Dir = v.settings.Ledger
	if v.Ledger.Dir == "" {
		return
	}
	v.Ledger.Shared = strings.HasPrefix(v.Ledger.Dir, "/etc/pve/")
	l, err := ledger.Open(ledger.Options{
		Dir: v.node.Path(v.Ledger.Dir), PVE: v.node.Path("/etc/pve"), Run: v.node.Path("/run/pve-iplease"), Used: v.node.Path(ledger.UsedPath), Scratch: v.Scratch, Cluster: v.Cluster,
	})
	if err != nil {
		v.Ledger.Err = err
		return
	}
	if v.Ledger.Places, err = l.Inspect(ctx); err == nil {
		v.Table, err = l.View(ctx)
	}
	v.Ledger.Err = err
	v.Ledger.Kept, _ = filepath.Glob(v.node.Path(v.Ledger.Dir + "/ledger*.bad-*"))
	_ = l.Relieve() // what is held after that, another node holds
	if age, held := l.Held(ctx); held {
		v.Ledger.Locked = age
	}
}
