package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Show the program's version"}
	f := formatFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if *f == "json" {
			return a.printJSON(map[string]string{"version": a.place.Version, "go": runtime.Version(), "arch": runtime.GOARCH})
		}
		_, err := fmt.Fprintf(a.out, "pve-iplease %s (%s, %s)\n", a.place.Version, runtime.Version(), runtime.GOARCH)
		return err
	}
	return cmd
}
