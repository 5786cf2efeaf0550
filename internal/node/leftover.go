package node

import (
	"os"
	"path/filepath"
	"strings"

	"pve-iplease/internal/fastio"
)

// sweep removes the temporary files that killed runs of ours have left beside
// a config. Proxmox's own (101.conf.tmp.<pid>) have another form and stay.
// A sibling that is still writing loses its file, so its rename fails: of two
// writers of one guest at most one has the lock.
func sweep(path string) {
	dir, base := filepath.Split(path)
	names, _ := fastio.Names(dir)
	for _, name := range names {
		if isLeftover(name, base) {
			_ = os.Remove(filepath.Join(dir, name))
		}
	}
}

// isLeftover knows renameio's pattern: a dot, the file's name, decimal digits.
func isLeftover(name, base string) bool {
	digits, ok := strings.CutPrefix(name, "."+base)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
