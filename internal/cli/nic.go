package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pve-iplease/internal/pve"
	"pve-iplease/internal/report"
)

// nicFlag names one of a guest's interfaces, net0 to net31.
type nicFlag struct {
	index int
	given bool
}

func (n *nicFlag) String() string { return "net" + strconv.Itoa(n.index) }

// Type names the flag's value in the usage.
func (n *nicFlag) Type() string { return "netN" }

// Set accepts what Proxmox calls an interface.
func (n *nicFlag) Set(s string) error {
	i, err := strconv.Atoi(strings.TrimPrefix(s, "net"))
	if err != nil || s != "net"+strconv.Itoa(i) || !pve.AllNICs.Has(i) {
		return usagef("%q is no interface; one reads like net0", report.Clean(s))
	}
	n.index, n.given = i, true
	return nil
}

// familyFlags choose a family; without one of them IPv4 is meant.
type familyFlags struct{ four, six bool }

func (f *familyFlags) family() pve.Family {
	if f.six {
		return pve.IPv6
	}
	return pve.IPv4
}

func (f *familyFlags) check() error {
	if f.four && f.six {
		return usagef("-4 and -6 exclude each other")
	}
	return nil
}

// which adds the flags that choose an address of a guest that has several.
func which(cmd *cobra.Command) (*nicFlag, *familyFlags) {
	n, f := &nicFlag{}, &familyFlags{}
	cmd.Flags().Var(n, "nic", "the interface, net0 by default")
	cmd.Flags().BoolVarP(&f.four, "ipv4", "4", false, "the IPv4 address, which is the default")
	cmd.Flags().BoolVarP(&f.six, "ipv6", "6", false, "the IPv6 address")
	return n, f
}
