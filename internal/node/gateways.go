package node

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
)

// Gateways is this node's memory of the gateways that have answered here, so
// that one's silence can be told from one that never speaks. It is a help and
// no more: what cannot be read is not known, what cannot be written is
// learnt again next time.
type Gateways struct {
	path  string
	known map[gateway]lease.MAC
}

type gateway struct {
	bridge string
	tag    uint16
	addr   netip.Addr
}

// gatewayLine is how a gateway lies in the file.
type gatewayLine struct {
	Bridge string     `json:"bridge"`
	Tag    uint16     `json:"tag,omitempty"`
	Addr   netip.Addr `json:"addr"`
	MAC    string     `json:"mac"`
}

// Gateways reads the memory.
func (h *Host) Gateways() *Gateways {
	path := h.Path("/var/lib/pve-iplease/gateways.json")
	return &Gateways{path: path, known: readGateways(path)}
}

// MAC is what a gateway answered with last, ok whether it ever did.
func (g *Gateways) MAC(bridge string, tag uint16, addr netip.Addr) (mac lease.MAC, ok bool) {
	mac, ok = g.known[gateway{bridge, tag, addr}]
	return mac, ok
}

// Learn remembers an answer, and writes the file only if it is news. Another
// process may learn too, so the file is read again first; of two at the very
// same moment one is forgotten, until it answers again.
func (g *Gateways) Learn(bridge string, tag uint16, addr netip.Addr, mac lease.MAC) {
	key := gateway{bridge, tag, addr}
	if was, ok := g.known[key]; !addr.IsValid() || mac.IsZero() || ok && was == mac {
		return
	}
	g.known = readGateways(g.path)
	g.known[key] = mac
	g.write()
}

func (g *Gateways) write() {
	var lines []gatewayLine
	for k, mac := range g.known {
		lines = append(lines, gatewayLine{k.bridge, k.tag, k.addr, mac.String()})
	}
	slices.SortFunc(lines, func(a, b gatewayLine) int {
		return cmp.Or(cmp.Compare(a.Bridge, b.Bridge), cmp.Compare(a.Tag, b.Tag), a.Addr.Compare(b.Addr))
	})
	data, err := json.MarshalIndent(lines, "", "\t")
	dir := filepath.Dir(g.path)
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return
	}
	sweep(g.path)
	_ = renameio.WriteFile(g.path, append(data, '\n'), 0o644, renameio.WithTempDir(dir))
}

func readGateways(path string) map[gateway]lease.MAC {
	data, err := fastio.ReadFile(path)
	if err != nil {
		return map[gateway]lease.MAC{}
	}
	return parseGateways(data)
}

// parseGateways keeps what it understands; damage is as good as nothing.
func parseGateways(data []byte) map[gateway]lease.MAC {
	known := map[gateway]lease.MAC{}
	var lines []gatewayLine
	if json.Unmarshal(data, &lines) != nil {
		return known
	}
	for _, l := range lines {
		if mac, err := lease.ParseMAC(l.MAC); err == nil && l.Addr.IsValid() && !mac.IsZero() {
			known[gateway{l.Bridge, l.Tag, l.Addr}] = mac
		}
	}
	return known
}
