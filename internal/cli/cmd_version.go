package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"pve-iplease/internal/ui"
)

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "version [--output-format text|json]", Short: "Show the program's version", Args: takes()}
	f := formatFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if *f == "json" {
			return ui.JSON(a.out, a.version())
		}
		_, err := fmt.Fprintln(a.out, a.version())
		return err
	}
	return cmd
}

// versionFlag is the flag that means the command. Cobra's own brings
// text/template, which makes the linker keep every method of every type: a
// quarter of the program.
func (a *app) versionFlag(root *cobra.Command) {
	missing := root.Args
	asked := root.Flags().BoolP("version", "v", false, "show the program's version")
	root.Args = func(c *cobra.Command, args []string) error {
		if *asked && len(args) == 0 {
			return nil
		}
		return missing(c, args)
	}
	root.RunE = func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(a.out, a.version())
		return err
	}
}

// version tells programs apart.
type version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Arch    string `json:"arch"`
}

func (a *app) version() version { return version{a.place.Version, runtime.Version(), runtime.GOARCH} }

func (v version) String() string {
	return fmt.Sprintf("pve-iplease %s (%s, %s)", v.Version, v.Go, v.Arch)
}
