package hook_test

import (
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// scenery is everything that a start might change and must not.
type scenery struct {
	files  map[string]string // below /etc/pve/nodes
	leases map[lease.Key]lease.Lease
}

func (h *host) observe() scenery {
	h.t.Helper()
	return scenery{h.files("/etc/pve/nodes"), h.leases()}
}

// everything is the whole cluster's tree.
func (h *host) everything() map[string]string {
	h.t.Helper()
	return h.below(filepath.Dir(h.root))
}

// files reads every file below a directory of the host.
func (h *host) files(dir string) map[string]string {
	h.t.Helper()
	top, err := filepath.EvalSymlinks(h.path(dir))
	h.Must(err)
	return h.below(top)
}

// below reads files and the names of directories.
func (h *host) below(top string) map[string]string {
	h.t.Helper()
	found := map[string]string{}
	h.Must(filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() {
			found[strings.TrimPrefix(path, top)] = "directory"
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, top)] = string(data)
		return err
	}))
	return found
}

// guard holds what a start of a container did against invariant 5 and against
// what of the ledger is its own.
func (before scenery) guard(h *host, id pve.VMID, res result) {
	h.t.Helper()
	after := h.observe()
	own := strings.TrimPrefix(h.confPath(id), "/etc/pve/nodes")
	if res.code == 0 {
		before.files[own], after.files[own] = bare(before.files[own]), bare(after.files[own])
	}
	// What a killed start of the same guest left behind is cleared away.
	maps.DeleteFunc(before.files, func(path, _ string) bool { return strings.HasPrefix(filepath.Base(path), "."+filepath.Base(own)) })
	if diff := gocmp.Diff(before.files, after.files); diff != "" {
		h.t.Errorf("files that are not this start's to change (-before +after):\n%s", diff)
	}
	for k := range after.leases {
		before.guardLease(h, k, id, after.leases[k])
	}
	for k, was := range before.leases {
		if _, still := after.leases[k]; !still && was.Owner.VMID != id && was.State != lease.Conflicted && !replaced(was, after.leases, id) {
			h.t.Errorf("the lease %s is gone", summary(was))
		}
	}
}

// guardLease checks a record that is there after a start.
func (before scenery) guardLease(h *host, k lease.Key, id pve.VMID, is lease.Lease) {
	h.t.Helper()
	was := before.leases[k]
	was.Missing, is.Missing = time.Time{}, time.Time{} // book-keeping of every write
	if is.Owner.VMID == id || is.State == lease.Conflicted {
		return
	}
	if diff := gocmp.Diff(was, is, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		h.t.Errorf("a lease that is not this start's to change (-before +after):\n%s", diff)
	}
}

// replaced reports whether a record's address is now the container's.
func replaced(was lease.Lease, now map[lease.Key]lease.Lease, id pve.VMID) bool {
	for k, l := range now {
		if k.Addr == was.Addr && l.Owner.VMID == id {
			return true
		}
	}
	return false
}

var (
	interfaces = regexp.MustCompile(`(?m)^net\d+: .*`)
	addressing = regexp.MustCompile(`,(?:ip|gw)6?=[^,]*`)
)

// bare is a config without what may change: the addresses and gateways of the
// interfaces in the running part.
func bare(conf string) string {
	running, rest, cut := strings.Cut(conf, "\n[")
	running = interfaces.ReplaceAllStringFunc(running, func(line string) string {
		return addressing.ReplaceAllString(line, "")
	})
	if cut {
		running += "\n["
	}
	return running + rest
}
