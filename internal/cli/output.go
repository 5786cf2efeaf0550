package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// format is the value of --output-format, as pvesh has it.
type format string

func (f *format) String() string { return string(*f) }

// Type names the flag's value in the usage.
func (f *format) Type() string { return "text|json" }

// Set accepts the known formats only.
func (f *format) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("it is %q or %q", "text", "json")
	}
	*f = format(s)
	return nil
}

func formatFlag(cmd *cobra.Command) *format {
	f := format("text")
	cmd.Flags().Var(&f, "output-format", "how to print the result")
	cmd.DisableFlagsInUseLine = true
	return &f
}
