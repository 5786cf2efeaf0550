package node

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/pve"
)

// Gateways is this node's memory of the gateways that have answered from
// outside of it, so that one's silence can be told from one that never speaks.
// It is a help and no more: what cannot be read is not known, what cannot be
// written is learnt again next time. What was learnt ages: a gateway that stays
// silent for longer than a switch port can take to open is gone, and not the
// network.
type Gateways struct {
	path  string
	boot  string
	now   func() time.Time
	known map[gateway]Gateway
}

const (
	// gatewayGone is how long after the first question in vain, on one boot, a
	// gateway counts as gone. A switch port learns for less than a minute, and a
	// router comes up within a few.
	gatewayGone = time.Hour
	// gatewayForgotten is how long one that nobody heard of is remembered.
	gatewayForgotten = 30 * 24 * time.Hour
	// gatewayAge is how exact it is known when one was heard last: so rarely
	// the file is written for that alone.
	gatewayAge = 24 * time.Hour
)

type gateway struct {
	bridge string
	tag    uint16
	addr   netip.Addr
}

// Gateway is what is remembered of one.
type Gateway struct {
	Bridge string
	Tag    uint16 // VLAN ID, 0 for untagged
	Addr   netip.Addr
	MAC    pve.MAC
	Port   string    // by which it answered; empty: unknown
	Heard  time.Time // last, to a day; zero: by an older version
	Silent time.Time // since when it has been asked in vain; zero: it answers
	Due    bool      // its silence makes the network doubtful
}

// gatewayLine is how a gateway lies in the file.
type gatewayLine struct {
	Bridge string     `json:"bridge"`
	Tag    uint16     `json:"tag,omitempty"`
	Addr   netip.Addr `json:"addr"`
	MAC    string     `json:"mac"`
	Port   string     `json:"port,omitempty"`
	Heard  time.Time  `json:"heard,omitzero"`
	Silent time.Time  `json:"silent,omitzero"`
	Boot   string     `json:"boot,omitempty"` // on which it was silent
}

// Gateways reads the memory.
func (h *Host) Gateways() *Gateways {
	g := &Gateways{path: h.gatewaysPath(), boot: h.Boot(), now: time.Now}
	g.known = g.read()
	return g
}

func (h *Host) gatewaysPath() string { return h.Path("/var/lib/pve-iplease/gateways.json") }

// ForgetGateways forgets all gateways, and returns how many were known.
func (h *Host) ForgetGateways() (int, error) {
	n := len(h.Gateways().known)
	if err := os.Remove(h.gatewaysPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("forgetting the gateways: %w", err)
	}
	return n, nil
}

// MAC is what a gateway answered with last; due whether it is to be expected
// that it answers now.
func (g *Gateways) MAC(bridge string, tag uint16, addr netip.Addr) (mac pve.MAC, due bool) {
	k := g.known[gateway{bridge, tag, addr}]
	return k.MAC, k.Due
}

// All lists what is remembered.
func (g *Gateways) All() []Gateway {
	all := make([]Gateway, 0, len(g.known))
	for _, k := range g.known {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b Gateway) int {
		return cmp.Or(cmp.Compare(a.Bridge, b.Bridge), cmp.Compare(a.Tag, b.Tag), a.Addr.Compare(b.Addr))
	})
	return all
}

// Learn remembers an answer that came from outside of this node, and writes
// the file only if it is news. was is another MAC that answered until now.
// Another process may learn too, so the file is read again first; of two at the
// very same moment one is forgotten, until it answers again.
func (g *Gateways) Learn(bridge string, tag uint16, addr netip.Addr, mac pve.MAC, port string) (was pve.MAC) {
	key := gateway{bridge, tag, addr}
	k, ok := g.known[key]
	if k.MAC != mac {
		was = k.MAC
	}
	if !addr.IsValid() || mac.IsZero() || ok && k.MAC == mac && k.Port == port && k.Silent.IsZero() && g.now().Sub(k.Heard).Abs() < gatewayAge {
		return pve.MAC{}
	}
	g.known = g.read()
	g.known[key] = Gateway{Bridge: bridge, Tag: tag, Addr: addr, MAC: mac, Port: port, Heard: g.now().Truncate(time.Second), Due: true}
	g.write()
	return was
}

// Missed remembers that a gateway was asked in vain.
func (g *Gateways) Missed(bridge string, tag uint16, addr netip.Addr) {
	key := gateway{bridge, tag, addr}
	if k, ok := g.known[key]; !ok || !k.Silent.IsZero() {
		return
	}
	g.known = g.read()
	if k, ok := g.known[key]; ok && k.Silent.IsZero() {
		k.Silent = g.now().Truncate(time.Second)
		g.known[key] = k
		g.write()
	}
}

func (g *Gateways) write() {
	lines := []gatewayLine{}
	for _, k := range g.All() {
		l := gatewayLine{Bridge: k.Bridge, Tag: k.Tag, Addr: k.Addr, MAC: k.MAC.String(), Port: k.Port, Heard: k.Heard, Silent: k.Silent}
		if !k.Silent.IsZero() {
			l.Boot = g.boot
		}
		lines = append(lines, l)
	}
	data, err := json.MarshalIndent(lines, "", "\t")
	dir := filepath.Dir(g.path)
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return
	}
	sweep(g.path)
	_ = renameio.WriteFile(g.path, append(data, '\n'), 0o644, renameio.WithTempDir(dir))
}

func (g *Gateways) read() map[gateway]Gateway {
	data, err := fastio.ReadFile(g.path)
	if err != nil {
		return map[gateway]Gateway{}
	}
	return g.parse(data)
}

// parse keeps what it understands; damage is as good as nothing.
func (g *Gateways) parse(data []byte) map[gateway]Gateway {
	known := map[gateway]Gateway{}
	var lines []gatewayLine
	if json.Unmarshal(data, &lines) != nil {
		return known
	}
	for _, l := range lines {
		mac, err := pve.ParseMAC(l.MAC)
		if err != nil || !l.Addr.IsValid() || mac.IsZero() {
			continue
		}
		k := Gateway{Bridge: l.Bridge, Tag: l.Tag, Addr: l.Addr, MAC: mac, Port: l.Port, Heard: l.Heard, Silent: l.Silent}
		if l.Boot != g.boot { // the network was off too, perhaps
			k.Silent = time.Time{}
		}
		if k.age(g.now()) {
			known[gateway{k.Bridge, k.Tag, k.Addr}] = k
		}
	}
	return known
}

// age says whether a gateway's silence still means something; ok is false when
// it is too old to be remembered. A time that is yet to come counts as now.
func (k *Gateway) age(now time.Time) (ok bool) {
	k.Due = k.Silent.IsZero() || now.Sub(k.Silent) < gatewayGone
	return k.Heard.IsZero() || now.Sub(k.Heard) < gatewayForgotten
}
