package ledger

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// UsedPath is where a node remembers which ledgers it has used.
const UsedPath = "/var/lib/pve-iplease/ledgers"

// usage is this node's memory of the ledgers that it has written to. A ledger
// of which nothing is left, not even its directory, looks like one that was
// never begun; here it is told from that. A node that joins a cluster has not
// used that cluster's ledger.
type usage struct {
	path string // of the node's own file, a line a ledger; empty: it has no memory
	line string // this ledger's
}

// usageOf is the memory of one ledger.
func usageOf(o Options) usage {
	return usage{o.Used, strings.ReplaceAll(o.Cluster+" "+filepath.Clean(o.Dir), "\n", " ")}
}

// known reports whether the node has written to the ledger before.
func (u usage) known() bool {
	if u.path == "" {
		return false
	}
	data, err := os.ReadFile(u.path)
	return err == nil && slices.Contains(strings.Split(string(data), "\n"), u.line)
}

// remember notes that the node has written to the ledger. It is a help and no
// more: what can't be written now is with the next change.
func (u usage) remember() {
	if u.path == "" || u.known() || os.MkdirAll(filepath.Dir(u.path), 0o755) != nil {
		return
	}
	f, err := os.OpenFile(u.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(u.line + "\n")
	_ = f.Close()
}
