package hook_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"pve-iplease/internal/hook"
)

// journal listens where systemd-journald would; next returns the fields of the
// next record, and nil when none is left.
func (h *host) journal() (next func() map[string]string) {
	h.t.Helper()
	path := h.path("/run/systemd/journal/socket")
	h.Must(os.MkdirAll(filepath.Dir(path), 0o755))
	dir, err := os.Open(filepath.Dir(path)) // the whole path may be too long for a socket
	h.Must(err)
	defer dir.Close()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/socket", dir.Fd())})
	h.Must(err)
	h.t.Cleanup(func() { _ = c.Close() })
	buf := make([]byte, 64<<10)
	return func() map[string]string {
		h.Must(c.SetReadDeadline(time.Now().Add(time.Millisecond))) // what was sent is there
		n, err := c.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		h.Must(err)
		fields := map[string]string{}
		for line := range strings.Lines(string(buf[:n])) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			fields[key] = value
		}
		return fields
	}
}

// What Proxmox shows in the task log, or throws away, is in the journal too.
func TestJournalGetsARecordOfEachMessage(t *testing.T) {
	t.Parallel()
	h := newHost(t, wired)
	next := h.journal()
	h.stranger("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"}, ct{id: 102, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.phase(101, "post-stop").exits(hook.OK)
	h.pools(wired + "\nreservation: 10.0.0.200\n\tguest 102\n")
	h.start(102).exits(hook.Conflict)

	var got []map[string]string
	for r := next(); r != nil; r = next() {
		if r["SYSLOG_IDENTIFIER"] != "pve-iplease" || r["MESSAGE"] == "" {
			t.Errorf("record without a name or a message: %q", r)
		}
		delete(r, "SYSLOG_IDENTIFIER")
		delete(r, "MESSAGE")
		got = append(got, r)
	}
	want := []map[string]string{
		{"PRIORITY": "4", "IPLEASE_VMID": "101", "IPLEASE_PHASE": "pre-start", "IPLEASE_OUTCOME": "warning", "IPLEASE_ADDRESS": "10.0.0.200", "IPLEASE_POOL": "lan", "IPLEASE_REASON": "lowest free address"},
		{"PRIORITY": "6", "IPLEASE_VMID": "101", "IPLEASE_PHASE": "pre-start", "IPLEASE_OUTCOME": "new lease", "IPLEASE_ADDRESS": "10.0.0.201", "IPLEASE_POOL": "lan", "IPLEASE_REASON": "spare of 10.0.0.200, which is in use"},
		{"PRIORITY": "6", "IPLEASE_VMID": "101", "IPLEASE_PHASE": "post-stop", "IPLEASE_OUTCOME": "released", "IPLEASE_ADDRESS": "10.0.0.201"},
		{"PRIORITY": "3", "IPLEASE_VMID": "102", "IPLEASE_PHASE": "pre-start", "IPLEASE_OUTCOME": "failed"},
		{"PRIORITY": "6", "IPLEASE_VMID": "102", "IPLEASE_PHASE": "pre-start", "IPLEASE_OUTCOME": "note"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestJournalThatDoesNotKeepUpDelaysNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.journal() // and never read it: the socket's queue holds ten records
	h.put(ct{id: 101, ip: "manual"})
	for range 12 {
		h.phase(101, "no-such-phase").exits(hook.OK)
	}
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
}
