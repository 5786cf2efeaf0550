package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"pve-iplease/internal/guest"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/inventory"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/report"
)

// attachment is a plan for hookscripts, and what became of it.
type attachment struct {
	Guests []*attachStep `json:"guests"`
	Done   bool          `json:"done"` // it was carried out, as far as it could be

	opt  attachOptions
	hint string // what does it, when nothing was done
	host *hook.Host
	inv  lease.Inventory
	api  func() (*pveapi.API, error)
	node map[string]string // why a node can't take part; empty: it can
}

// The words for what is done with a guest.
const (
	doAttach = "attach"
	doDetach = "detach"
	idle     = "nothing" // is to be done
	refused  = "refused"
)

// attachStep is what happens to one guest.
type attachStep struct {
	VMID    pve.VMID       `json:"vmid"`
	Name    string         `json:"name,omitempty"`
	Node    string         `json:"node,omitempty"`
	Action  string         `json:"action"`
	Reason  string         `json:"reason,omitempty"` // why not
	Address *addressChange `json:"address,omitempty"`
	Error   string         `json:"error,omitempty"` // why it failed

	guest    lease.Guest
	digest   string
	unserved bool // no pool has an address for it
}

// addressChange is what the next start would do.
type addressChange struct {
	NIC   string   `json:"nic"`
	Old   string   `json:"old"`
	New   string   `json:"new"`
	Pool  string   `json:"pool,omitempty"`
	Why   string   `json:"why"`
	Notes []string `json:"notes,omitempty"`
}

func newAttachment(ctx context.Context, h *hook.Host, o attachOptions, api func() (*pveapi.API, error)) (*attachment, error) {
	p := &attachment{Guests: []*attachStep{}, opt: o, hint: "nothing was changed, --yes does it", host: h, api: api, node: map[string]string{}}
	if err := h.Rehearse(ctx); err != nil {
		return nil, err
	}
	var err error
	p.inv, err = h.Inventory(ctx)
	return p, err
}

// plan decides about every guest that was named, or about all.
func (p *attachment) plan(ctx context.Context, ids []pve.VMID) error {
	if p.opt.all {
		ids = slices.Sorted(maps.Keys(p.inv.Guests))
	}
	for _, id := range ids {
		s := &attachStep{VMID: id, Action: doAttach}
		if p.opt.detach {
			s.Action = doDetach
		}
		if why := p.decide(ctx, s); why != "" {
			s.Action, s.Reason = refused, why
		}
		if !p.opt.all || p.concerns(s) {
			p.Guests = append(p.Guests, s)
		}
	}
	if len(p.Guests) == 0 {
		return errNobody
	}
	return nil
}

// concerns reports whether --all means a guest.
func (p *attachment) concerns(s *attachStep) bool {
	switch {
	case s.guest.Kind != pve.Container:
		return false
	case p.opt.detach:
		return s.Action == doDetach || s.guest.Hooked
	}
	return !s.guest.Template && !s.unserved
}

// decide fills a step in; why is the reason to refuse.
func (p *attachment) decide(ctx context.Context, s *attachStep) (why string) {
	g, known := p.inv.Guests[s.VMID]
	if !known {
		return "there is no such guest"
	}
	s.guest, s.Node, s.Name = g, g.Node, report.Clean(g.Name)
	if g.Kind == pve.VM {
		return "it is a virtual machine; hooks lease for containers only"
	}
	data, err := os.ReadFile(p.host.Node.Path("/etc/pve/nodes/" + g.Node + "/lxc/" + g.VMID.String() + ".conf"))
	if err != nil {
		return report.Sentence(err.Error())
	}
	s.digest = pveapi.Digest(data)
	conf := guest.Parse(g.Kind, data)
	script := report.Clean(conf.Hookscript())
	if p.opt.detach {
		return p.decideDetach(ctx, s, script, conf)
	}
	return p.decideAttach(ctx, s, script, data)
}

func (p *attachment) decideDetach(ctx context.Context, s *attachStep, script string, conf guest.Config) (why string) {
	switch {
	case script == "":
		s.Action, s.Reason = idle, "it has no hookscript"
		return ""
	case !inventory.Hooked(script):
		return fmt.Sprintf("its hookscript is %s, which is not ours to take away", script)
	}
	if nic, err := conf.NIC(0); err == nil && nic.IP == guest.Static {
		a := nic.Addr.String()
		s.Address = &addressChange{NIC: "net0", Old: a, New: a, Why: "its config names it"}
	}
	return p.dead(ctx, s.Node)
}

func (p *attachment) decideAttach(ctx context.Context, s *attachStep, script string, data []byte) (why string) {
	switch {
	case inventory.Hooked(script):
		s.Action, s.Reason = idle, "it is attached already"
		return ""
	case s.guest.Template && !p.opt.force:
		return "it is a template and never starts; with --force its clones will have the hook"
	case script != "" && !p.opt.force:
		return fmt.Sprintf("its hookscript is %s, and Proxmox runs only one: copy that file into %s on its nodes, where it is run after ours with the same arguments, and use --force", script, "/etc/pve-iplease/hooks.d")
	}
	if why := p.lacks(ctx, s.Node); why != "" {
		return why
	}
	f, err := p.host.Foresee(ctx, s.guest, data)
	if err != nil {
		return report.Sentence(err.Error())
	}
	s.foreseen(f)
	if s.unserved = s.Address == nil; s.unserved {
		return "its next start would do nothing: " + report.Sentence(f.Notes[len(f.Notes)-1])
	}
	return ""
}

// foreseen notes what the next start would do.
func (s *attachStep) foreseen(f hook.Foresight) {
	if !f.New.IsValid() {
		return
	}
	c := &addressChange{NIC: fmt.Sprintf("net%d", f.NIC), Old: f.Old, New: f.New.String(), Why: f.Grant.Why}
	if f.Grant.How != lease.Guarded {
		c.Pool = f.Grant.PoolName()
	}
	for _, n := range f.Notes {
		c.Notes = append(c.Notes, report.Sentence(n))
	}
	s.Address = c
}

// dead says that a node can't be reached. Where nobody can be asked the plan
// stands, and carrying it out says why it can't be.
func (p *attachment) dead(ctx context.Context, node string) string {
	if why, known := p.node[node]; known {
		return why
	}
	if node == p.host.Env.Name {
		return ""
	}
	api, err := p.api()
	if err != nil {
		return ""
	}
	nodes, err := api.Nodes(ctx)
	if err != nil {
		return ""
	}
	for _, n := range nodes {
		p.node[n.Name] = ""
		if n.Dead() {
			p.node[n.Name] = fmt.Sprintf("node %s is down: its guests' configs can be changed when it is back", n.Name)
		}
	}
	return p.node[node]
}

// lacks says why containers on a node must not have our hookscript: Proxmox
// starts none whose hookscript is missing.
func (p *attachment) lacks(ctx context.Context, node string) string {
	if why := p.dead(ctx, node); why != "" || p.opt.force {
		return why
	}
	why := p.node["file:"+node]
	if _, asked := p.node["file:"+node]; !asked {
		if has, err := p.hasFile(ctx, node); err != nil {
			why = fmt.Sprintf("whether node %s has the hookscript can't be told (%s); --force trusts that it has", node, report.Sentence(err.Error()))
		} else if !has {
			why = fmt.Sprintf("node %s lacks /var/lib/vz/snippets/pve-iplease, and Proxmox starts no container whose hookscript is missing: install the program there first", node)
		}
		p.node["file:"+node] = why
	}
	return why
}

func (p *attachment) hasFile(ctx context.Context, node string) (bool, error) {
	if node == p.host.Env.Name {
		info, err := os.Stat(p.host.Node.Path("/var/lib/vz/snippets/pve-iplease"))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0, err
	}
	api, err := p.api()
	if err != nil {
		return false, err
	}
	return api.HasVolume(ctx, node, ourScript)
}
