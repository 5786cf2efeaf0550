package inventory

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"pve-iplease/internal/lease"
)

// cache is the file that keeps parsed configs from one process to the next,
// a line each, fields separated by tabs. It is worth nothing but time: what
// can't be read is read from the configs again.
type cache string

// cacheFormat is the first line; another version of the program may keep
// other fields.
const cacheFormat = "pve-iplease inventory 1"

// load reads the cache; an unreadable one is empty.
func (c cache) load() map[string]parsed {
	seen := map[string]parsed{}
	data, err := os.ReadFile(string(c))
	if err != nil {
		return seen
	}
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	if string(first) != cacheFormat {
		return seen
	}
	for line := range strings.Lines(string(rest)) {
		path, p, ok := decodeLine(strings.TrimSuffix(line, "\n"))
		if !ok {
			return map[string]parsed{}
		}
		seen[path] = p
	}
	return seen
}

// save writes the cache, readable by root alone. It isn't synced: a machine
// that lost power has another boot, and /run begins empty.
func (c cache) save(seen map[string]parsed) {
	if c == "" {
		return
	}
	f, err := renameio.NewPendingFile(string(c), renameio.WithTempDir(filepath.Dir(string(c))), renameio.WithPermissions(0o600))
	if err != nil {
		return
	}
	defer func() { _ = f.Cleanup() }()
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(cacheFormat + "\n")
	var line []byte
	for path, p := range seen {
		if p.err == nil {
			line = appendLine(line[:0], path, p)
			_, _ = w.Write(line)
		}
	}
	if w.Flush() == nil {
		_ = f.CloseAtomicallyReplace()
	}
}

// appendLine encodes a guest, or nothing when a foreign string in it holds
// what separates fields.
func appendLine(b []byte, path string, p parsed) []byte {
	start := len(b)
	fields := []string{
		path, p.version, strconv.Itoa(int(p.guest.Kind)), p.guest.VMID.String(), p.guest.Node, p.guest.Name,
		strconv.FormatBool(p.guest.Template), strconv.FormatBool(p.guest.Hooked), strconv.Itoa(len(p.guest.MACs)),
	}
	for _, m := range p.guest.MACs {
		fields = append(fields, m.String())
	}
	for _, u := range p.uses {
		fields = append(fields, u.Addr.String(), strconv.Itoa(u.Owner.NIC), u.Segment.Bridge, strconv.Itoa(int(u.Segment.Tag)), strconv.Itoa(int(u.Where)))
	}
	for i, f := range fields {
		if strings.ContainsAny(f, "\t\r\n") {
			return b[:start]
		}
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, f...)
	}
	return append(b, '\n')
}

// fieldReader takes the fields of a line one by one.
type fieldReader struct {
	rest string
	more bool
	bad  bool
}

func (r *fieldReader) next() (s string) {
	r.bad = r.bad || !r.more
	s, r.rest, r.more = strings.Cut(r.rest, "\t")
	return s
}

func (r *fieldReader) number(most int) int {
	n, err := strconv.Atoi(r.next())
	r.bad = r.bad || err != nil || n < 0 || n > most
	return n
}

func (r *fieldReader) truth() bool { return r.next() == "true" }

// decodeLine is the inverse of appendLine.
func decodeLine(line string) (path string, p parsed, ok bool) {
	r := &fieldReader{rest: line, more: true}
	path, p.version = r.next(), r.next()
	g := &p.guest
	g.Kind, g.VMID = lease.Kind(r.number(1)), lease.VMID(r.number(999999999))
	g.Node, g.Name, g.Template, g.Hooked = r.next(), r.next(), r.truth(), r.truth()
	for range r.number(64) {
		m, err := lease.ParseMAC(r.next())
		r.bad = r.bad || err != nil
		g.MACs = append(g.MACs, m)
		if r.bad {
			return "", parsed{}, false
		}
	}
	for r.more && !r.bad {
		a, err := netip.ParseAddr(r.next())
		u := lease.Use{Addr: a, Owner: lease.Owner{Kind: g.Kind, VMID: g.VMID, NIC: r.number(255)}}
		u.Segment = lease.Segment{Bridge: r.next(), Tag: uint16(r.number(4095)), Nodes: g.Node}
		u.Where = lease.Where(r.number(int(lease.Snapshot)))
		r.bad = r.bad || err != nil
		p.uses = append(p.uses, u)
	}
	return path, p, !r.bad && path != "" && p.version != ""
}
