package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pve-iplease/internal/fastio"
)

// abandoned is the age from which on a temporary file of a guest that isn't
// here has no writer any more.
const abandoned = time.Minute

// sweep removes the temporary files that killed runs of ours have left beside
// a config, and those of guests whose configs have moved away since. Proxmox's
// own (101.conf.tmp.<pid>) have another form and stay. A sibling that is still
// writing loses its file, so its rename fails: of two writers of one guest at
// most one has the lock.
func sweep(path string) {
	dir, base := filepath.Split(path)
	names, _ := fastio.Names(dir)
	for _, name := range names {
		if isLeftover(name, base) || isStray(dir, name, names) {
			_ = os.Remove(filepath.Join(dir, name))
		}
	}
}

// isLeftover knows renameio's pattern: a dot, the file's name, decimal digits.
func isLeftover(name, base string) bool {
	digits, ok := strings.CutPrefix(name, "."+base)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// isStray reports whether a file is the leftover of a guest's config that isn't
// among the names of its directory. A config that the kernel has hidden while
// another is renamed into its place is not among them either.
func isStray(dir, name string, names []string) bool {
	base, ok := strings.CutPrefix(strings.TrimRight(name, "0123456789"), ".")
	if !ok || !strings.HasSuffix(base, ".conf") || !isLeftover(name, base) || slices.Contains(names, base) {
		return false
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, ".fuse_hidden") }) {
		return false
	}
	info, err := os.Lstat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned
}
