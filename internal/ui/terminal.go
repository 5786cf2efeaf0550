package ui

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Terminal is what a stream of the program is connected to, as far as that
// matters for what is written to it. The zero value is a file or a pipe.
type Terminal struct {
	Is      bool
	columns int // 0: unknown
}

// TerminalOf looks at a stream.
func TerminalOf(w io.Writer) Terminal {
	f, ok := w.(*os.File)
	if !ok {
		return Terminal{}
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return Terminal{}
	}
	return Terminal{Is: true, columns: int(size.Col)}
}

// leastWidth is the narrowest screen that is written for.
const leastWidth = 20

// Width is how many columns a line may have; a file or a pipe has no limit,
// which is 0.
func (t Terminal) Width() int {
	switch {
	case !t.Is:
		return 0
	case t.columns == 0:
		return Width
	}
	return max(t.columns, leastWidth)
}

// Colours reports whether colours are wanted (no-color.org).
func (t Terminal) Colours() bool {
	return t.Is && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
