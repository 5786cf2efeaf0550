package ui

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table writes rows in aligned columns under a heading. A last column that is
// empty in every row is left out. On a terminal that is too narrow for a row
// the rest of it is continued below, further in.
func Table(w io.Writer, heading string, rows [][]string) error {
	columns := strings.Fields(heading)
	last := len(columns) - 1
	if !slices.ContainsFunc(rows, func(r []string) bool { return r[last] != "" }) {
		columns = columns[:last]
	}
	cells := append(make([][]string, 0, 1+len(rows)), columns)
	for _, r := range rows {
		cells = append(cells, r[:len(columns)])
	}
	_, err := io.WriteString(w, layout(cells, TerminalOf(w).Width()))
	return err
}

// columnGap is how far columns are apart, continued how far in the rest of a
// row begins that does not fit.
const (
	columnGap = 2
	continued = "    "
)

// layout aligns cells; a width of 0 is no limit.
func layout(rows [][]string, width int) string {
	var b strings.Builder
	var line []byte
	at := starts(rows)
	b.Grow(len(rows) * (at[len(at)-1] + columnGap))
	for _, row := range rows {
		line = line[:0]
		used, rest := 0, []string(nil)
		for i, cell := range row {
			n := utf8.RuneCountInString(cell)
			if i > 0 && width > 0 && cell != "" && at[i]+n > width {
				rest = row[i:]
				break
			}
			for ; used < at[i]; used++ {
				line = append(line, ' ')
			}
			line, used = append(line, cell...), used+n
		}
		b.Write(append(bytes.TrimRight(line, " "), '\n'))
		rest = slices.DeleteFunc(slices.Clone(rest), func(s string) bool { return s == "" || s == "-" })
		if len(rest) > 0 {
			Wrap(&b, strings.Join(rest, ", "), continued, width)
		}
	}
	return b.String()
}

// starts says where each column begins.
func starts(rows [][]string) []int {
	at := make([]int, len(rows[0]))
	for i := 1; i < len(at); i++ {
		for _, row := range rows {
			at[i] = max(at[i], at[i-1]+utf8.RuneCountInString(row[i-1])+columnGap)
		}
	}
	return at
}
