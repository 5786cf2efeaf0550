package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// terminal is what a stream of the program is connected to, as far as that
// matters for what is written to it. The zero value is a file or a pipe.
type terminal struct {
	is      bool
	columns int // 0: unknown
}

// terminalOf looks at a stream.
func terminalOf(w io.Writer) terminal {
	f, ok := w.(*os.File)
	if !ok {
		return terminal{}
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return terminal{}
	}
	return terminal{is: true, columns: int(size.Col)}
}

// leastWidth is the narrowest screen that is written for.
const leastWidth = 20

// width is how many columns a line may have; a file or a pipe has no limit,
// which is 0.
func (t terminal) width() int {
	switch {
	case !t.is:
		return 0
	case t.columns == 0:
		return width
	}
	return max(t.columns, leastWidth)
}

// colours reports whether colours are wanted (no-color.org).
func (t terminal) colours() bool {
	return t.is && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
