package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"pve-iplease/internal/probe"
)

// TestPace: what monitoring runs is gentle with the network unless it is told
// otherwise, and still done in time.
func TestPace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cmd   *cobra.Command
		usual int
		args  []string
		rate  int
	}{
		{"rehearse", (&app{}).rehearseCommand(), gentleRate, nil, 200},
		{"audit", (&app{}).auditCommand(), probe.SweepRate, nil, 2000},
		{"as told", (&app{}).rehearseCommand(), gentleRate, []string{"--rate", "14"}, 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if use := c.cmd.Flags().Lookup("rate").Usage; !strings.HasSuffix(use, fmt.Sprintf("(default %d)", c.usual)) {
				t.Errorf("its help says %q", use)
			}
			cmd := &cobra.Command{}
			q := askFlags(cmd, c.usual)
			if err := cmd.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			if got := q.pace(500).Rate; got != c.rate {
				t.Errorf("%d packets in a second, want %d", got, c.rate)
			}
		})
	}
	if took := (asking{usual: gentleRate}).pace(500).Duration(500); took > 8*time.Second {
		t.Errorf("500 silent addresses take %v", took)
	}
}
