package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// width is what every line of the demo keeps to.
const width = 80

// screen prints plain text, and on a terminal what is typed in bold.
type screen struct {
	out  *os.File
	bold bool
}

func newScreen(out *os.File) *screen {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &screen{out: out, bold: err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// say begins a chapter.
func (s *screen) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n%s\n\n", wrap(fmt.Sprintf(format, args...), ""))
}

// typed shows what is typed and what comes of it.
func (s *screen) typed(command, output string) {
	if s.bold {
		command = "\x1b[1m" + command + "\x1b[0m"
	}
	fmt.Fprintf(s.out, "# %s\n", command)
	for l := range strings.Lines(output) {
		s.text(strings.TrimRight(l, "\n"))
	}
}

// text is a line of output, broken where it is too long.
func (s *screen) text(l string) {
	if len(l)+2 > width && !strings.Contains(l, "  ") { // tables stay as they are
		l = wrap(l, "    ")
	}
	fmt.Fprintln(s.out, "  "+strings.ReplaceAll(l, "\n", "\n  "))
}

// wrap breaks a line at blanks, and at the commas of a net0.
func wrap(l, hanging string) string {
	var lines []string
	line := ""
	for _, word := range words(l) {
		if line != "" && len(line)+len(strings.TrimRight(word, " ")) > width-2 {
			lines = append(lines, strings.TrimRight(line, " "))
			line = hanging
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// words splits a line after every place where it may be broken.
func words(l string) []string {
	parts := strings.SplitAfter(l, " ")
	if last := len(parts) - 1; strings.HasPrefix(l, "net0: ") {
		parts = append(parts[:last:last], strings.SplitAfter(parts[last], ",")...)
	}
	return parts
}
