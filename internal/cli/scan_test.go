package cli_test

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
)

// Whoever ends a scan sees what it has found until then, and that it is not all.
func TestScanInterrupted(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	first, fifth := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.5")
	stranger := f.Stranger(lan, lab.Script{Addrs: []netip.Addr{first, fifth}})
	cmd := call(t, "--root", small(t), "scan", "--rate", "10")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	f.Must(node.Start(cmd))
	for stranger.Asked(fifth) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	f.Must(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := out.String(); !strings.Contains(got, "10.0.0.1  ") || !strings.Contains(got, "the others can't be told") {
		t.Errorf("it shows:\n%s", got)
	}
	if got := said.String(); !strings.HasSuffix(got, "error: the sweep on vmbr0 was ended early: Ctrl-C\n") {
		t.Errorf("it says:\n%s", got)
	}
}
