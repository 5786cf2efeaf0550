package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// JSON writes a value as indented JSON.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Dash stands for an empty cell.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Clock shows a time as people read it, to the minute.
func Clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Plural reads "1 conflict", "2 conflicts", "3 addresses".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Short cuts a cell that would push all others out of sight.
func Short(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return strings.TrimRight(string(runes[:most-1]), " ") + "…"
	}
	return s
}
