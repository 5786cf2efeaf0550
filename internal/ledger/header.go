package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

const (
	format    = 1
	beforeSum = `,"sha256":"`
	sumLen    = 2 * sha256.Size
	// maxNumber bounds what is believed of generations: JSON's safe integers.
	maxNumber = 1<<53 - 1
)

// header is the first line without the two members that every format shares.
type header struct {
	Generation uint64          `json:"generation"`
	Bytes      int             `json:"bytes"`
	Leases     int             `json:"leases"`
	Cluster    string          `json:"cluster"`
	Nodes      map[string]node `json:"nodes,omitempty"`
}

type node struct {
	Version string   `json:"version,omitempty"`
	Probers []string `json:"probers,omitempty"`
}

// envelope is a stored ledger that proved to be whole.
type envelope struct {
	header
	extra []byte // members of the header that this version doesn't know
	body  string
	size  int // of header and body, in bytes
}

// unwrap checks that data begins with a whole ledger that this version can
// read; what follows it is not looked at. Errors wrap ErrDamaged or ErrNewer.
func unwrap(data []byte) (*envelope, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	version, at, err := formatOf(data)
	if err != nil {
		return nil, err
	}
	end := bytes.IndexByte(data, '\n') + 1
	if end <= at+sumLen {
		return nil, fmt.Errorf("%w: its first line does not end as it should", ErrDamaged)
	}
	e := &envelope{}
	if err := e.members(string(data[:end-1]), version); err != nil {
		return nil, err
	}
	if have := len(data) - end; e.Bytes < 0 || have < e.Bytes {
		return nil, fmt.Errorf("%w: %d of its %d bytes are there", ErrDamaged, have, e.Bytes)
	}
	e.size = end + e.Bytes
	if !bytes.Equal(checksum(data[:e.size], at), data[at:at+sumLen]) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	if version > format {
		return nil, fmt.Errorf("%w: it has format %d, this version reads up to %d; install the newer version on this node", ErrNewer, version, format)
	}
	e.body = string(data[end:e.size])
	return e, nil
}

// formatOf reads the format and finds where the checksum's digits are.
func formatOf(data []byte) (version uint64, sum int, err error) {
	damaged := fmt.Errorf("%w: it does not begin as a ledger does", ErrDamaged)
	rest, ok := bytes.CutPrefix(data, []byte(`{"format":`))
	digits := bytes.Index(rest, []byte(beforeSum))
	if !ok || digits < 0 || digits > 9 {
		return 0, 0, damaged
	}
	version, err = strconv.ParseUint(string(rest[:digits]), 10, 31)
	sum = len(data) - len(rest) + digits + len(beforeSum)
	if err != nil || version == 0 || len(data) < sum+sumLen {
		return 0, 0, damaged
	}
	return version, sum, nil
}

// claimed is the generation that data says it has, 0 without one; whether it
// is whole is not checked.
func claimed(data []byte) uint64 {
	_, sum, err := formatOf(data)
	if err != nil {
		return 0
	}
	rest, ok := bytes.CutPrefix(data[sum+sumLen:], []byte(`","generation":`))
	end := bytes.IndexAny(rest, ",}")
	if !ok || end < 0 {
		return 0
	}
	n, err := strconv.ParseUint(string(rest[:end]), 10, 64)
	if err != nil || n > maxNumber {
		return 0
	}
	return n
}

// members takes the header apart. Of a newer format only the length is used,
// to check the sum with.
func (e *envelope) members(line string, version uint64) error {
	into := map[string]any{
		"generation": &e.Generation, "bytes": &e.Bytes, "leases": &e.Leases,
		"cluster": &e.Cluster, "nodes": &e.Nodes,
		"format": new(json.Number), "sha256": new(string),
	}
	err := eachMember(line, func(key, raw string) (err error) {
		v, known := into[key]
		if !known {
			e.extra, err = keep(e.extra, key, raw)
			return err
		}
		if version > format && key != "bytes" {
			return nil
		}
		return json.Unmarshal([]byte(raw), v)
	})
	if err == nil && e.Generation > maxNumber {
		err = fmt.Errorf("generation %d", e.Generation)
	}
	if err != nil {
		return fmt.Errorf("%w: its first line: %w", ErrDamaged, err)
	}
	return nil
}

// checksum is the hexadecimal SHA-256 of a ledger, the digits that begin at
// sum left out.
func checksum(data []byte, sum int) []byte {
	h := sha256.New()
	h.Write(data[:sum])
	h.Write(data[sum+sumLen:])
	return hex.AppendEncode(make([]byte, 0, sumLen), h.Sum(nil))
}

// wrap puts the header in front of the body. The result is one allocation of
// its own, which the runtime aligns to pages when it is large: the kernel
// passes only page-aligned writes on to a FUSE file system in full 128 KiB.
func wrap(t *lease.Table, body []byte, leases int) ([]byte, error) {
	h := header{Generation: t.Generation, Bytes: len(body), Leases: leases, Cluster: t.Cluster}
	if len(t.Nodes) > 0 {
		h.Nodes = make(map[string]node, len(t.Nodes))
	}
	for name, info := range t.Nodes {
		n := node{Version: info.Version}
		for _, m := range info.Probers {
			n.Probers = append(n.Probers, m.String())
		}
		h.Nodes[name] = n
	}
	members, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode the ledger's header: %w", err)
	}
	first := fmt.Sprintf(`{"format":%d%s`, format, beforeSum)
	data := make([]byte, 0, len(first)+sumLen+len(members)+len(t.Extra)+len(body)+8)
	data = append(data, first+strings.Repeat("0", sumLen)+`",`...)
	data = append(data, members[1:len(members)-1]...)
	if len(t.Extra) > 0 {
		data = append(append(data, ','), t.Extra...)
	}
	data = append(append(data, "}\n"...), body...)
	copy(data[len(first):], checksum(data, len(first)))
	return data, nil
}

// nodes are the header's as the table knows them.
func (e *envelope) nodes() (map[string]lease.NodeInfo, error) {
	nodes := make(map[string]lease.NodeInfo, len(e.Nodes))
	for name, n := range e.Nodes {
		info := lease.NodeInfo{Version: n.Version}
		for _, s := range n.Probers {
			m, err := pve.ParseMAC(s)
			if err != nil {
				return nil, fmt.Errorf("%w: node %s: %w", ErrDamaged, name, err)
			}
			info.Probers = append(info.Probers, m)
		}
		nodes[name] = info
	}
	return nodes, nil
}
