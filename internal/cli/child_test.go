package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"pve-iplease/internal/lab"
)

// A container of Docker's macvlan network on vmbr0 is seen by whohas and by
// scan, and named by the bridge that it lies on.
func TestChildOfABridgeIsSeen(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", f.LAN())
	child := f.Child(node, "vmbr0", lab.MACVLAN, "10.0.0.205/24")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"whohas": {[]string{"whohas", "10.0.0.205"}, " answers on vmbr0: "},
		"scan":   {[]string{"scan", "lan"}, " stranger in pool lan"},
	} {
		cmd := call(t, append([]string{"--root", small(t)}, c.args...)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = node.Run(cmd)
		if got := out.String(); !strings.Contains(got, "10.0.0.205  ") && name == "scan" || !strings.Contains(got, child.MAC.String()) || !strings.Contains(got, c.says) {
			t.Errorf("%s shows:\n%s", name, got)
		}
	}
}
