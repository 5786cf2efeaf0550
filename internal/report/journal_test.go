package report_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/report"
)

// journald listens as systemd-journald does.
func journald(t *testing.T, dir string) (string, *net.UnixConn) {
	t.Helper()
	path := filepath.Join(dir, "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return path, conn
}

// record reads and decodes one datagram of the native protocol.
func record(t *testing.T, conn *net.UnixConn) map[string]string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, buf[:n])
}

func decode(t *testing.T, data []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(data) > 0 {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			t.Fatalf("no newline after %q", data)
		}
		name, value, text := strings.Cut(string(line), "=")
		if !text {
			size := binary.LittleEndian.Uint64(rest)
			value, rest = string(rest[8:8+size]), rest[8+size:]
			if rest[0] != '\n' {
				t.Fatalf("%s is longer than it says: %q", name, rest)
			}
			rest = rest[1:]
		}
		if _, twice := fields[name]; twice {
			t.Fatalf("%s is there twice", name)
		}
		fields[name], data = value, rest
	}
	return fields
}

func TestJournalGetsEveryField(t *testing.T) {
	t.Parallel()
	path, conn := journald(t, t.TempDir())
	l := report.New(nil, nil, path).With(report.Fields{VMID: 101, Phase: "pre-start", Reason: "of the whole"})
	l.Warn("10.0.0.201 is taken", report.Fields{
		Address: "10.0.0.201/24", Pool: "lan", Outcome: "moved", Reason: "answered by\x1b BC:24:11:00:01:00\nPRIORITY=0",
	})
	want := map[string]string{
		"MESSAGE": "10.0.0.201 is taken", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "pve-iplease",
		"IPLEASE_VMID": "101", "IPLEASE_PHASE": "pre-start", "IPLEASE_ADDRESS": "10.0.0.201/24",
		"IPLEASE_POOL": "lan", "IPLEASE_OUTCOME": "moved", "IPLEASE_REASON": "answered by� BC:24:11:00:01:00 PRIORITY=0",
	}
	if diff := cmp.Diff(want, record(t, conn)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	l.Info("done", report.Fields{})
	want = map[string]string{
		"MESSAGE": "done", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "pve-iplease",
		"IPLEASE_VMID": "101", "IPLEASE_PHASE": "pre-start", "IPLEASE_REASON": "of the whole",
	}
	if diff := cmp.Diff(want, record(t, conn)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestJournalKeepsTheLinesOfAMessage(t *testing.T) {
	t.Parallel()
	path, conn := journald(t, t.TempDir())
	report.New(nil, nil, path).Error("one\r\n\n two\x00\nIPLEASE_VMID=1\n", report.Fields{})
	want := map[string]string{
		"MESSAGE": "one\ntwo�\nIPLEASE_VMID=1", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "pve-iplease",
	}
	if diff := cmp.Diff(want, record(t, conn)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestJournalCutsAnEndlessMessage(t *testing.T) {
	t.Parallel()
	path, conn := journald(t, t.TempDir())
	report.New(nil, nil, path).Info(strings.Repeat("ä\n", 1<<20), report.Fields{VMID: 101})
	got := record(t, conn)
	if m := []rune(got["MESSAGE"]); len(m) != 16<<10 || m[len(m)-1] != '…' || got["IPLEASE_VMID"] != "101" {
		t.Errorf("a message of %d runes for VMID %q", len(m), got["IPLEASE_VMID"])
	}
}

func TestJournalPathsOfAnyLength(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, conn := journald(t, dir)
	long := dir + strings.Repeat("/.", 100) + "/socket"
	report.New(nil, nil, long).Info("here", report.Fields{})
	if got := record(t, conn)["MESSAGE"]; got != "here" {
		t.Errorf("message %q", got)
	}
}

func TestJournalThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, conn := journald(t, dir)
	if err := conn.Close(); err != nil { // removes nothing but the listener
		t.Fatal(err)
	}
	for _, p := range []string{path, dir, filepath.Join(dir, "none"), filepath.Join(dir, strings.Repeat("x", 200), "none")} {
		var out calls
		report.New(&out, nil, p).Info("go on", report.Fields{})
		if diff := cmp.Diff(calls{"pve-iplease: go on\n"}, out); diff != "" {
			t.Errorf("%s: stdout (-want +got):\n%s", p, diff)
		}
	}
}

// A receiver that never reads fills its queue; sending on must neither block,
// which would hang this test, nor lose what was queued before.
func TestJournalThatDoesNotKeepUp(t *testing.T) {
	t.Parallel()
	path, conn := journald(t, t.TempDir())
	l := report.New(nil, nil, path)
	for range 5000 {
		l.Info(strings.Repeat("x", 1000), report.Fields{})
	}
	if got := len(record(t, conn)["MESSAGE"]); got != 1000 {
		t.Errorf("the first message has %d bytes", got)
	}
}

func BenchmarkInfo(b *testing.B) {
	path := filepath.Join(b.TempDir(), "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	var out bytes.Buffer
	l := report.New(&out, nil, path)
	for b.Loop() {
		out.Reset()
		l.Info("CT 101: 10.0.0.201/24 from pool lan, lowest free address, nobody answered", report.Fields{VMID: 101, Pool: "lan"})
	}
	_ = conn.Close()
}
