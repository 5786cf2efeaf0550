package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

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

// printJSON writes a value as indented JSON.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table writes rows in aligned columns under a heading. A last column that is
// empty in every row is left out, to keep to the width of a terminal.
func (a *app) table(heading string, rows [][]string) error {
	columns := strings.Fields(heading)
	last := len(columns) - 1
	if !slices.ContainsFunc(rows, func(r []string) bool { return r[last] != "" }) {
		columns = columns[:last]
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r[:len(columns)], "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// dash stands for an empty cell.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
