package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// progress says what is going on: on a terminal in one line that changes,
// elsewhere not at all, since a log of it helps nobody.
type progress struct {
	out  *os.File
	live bool
}

func newProgress(out *os.File) *progress {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &progress{out: out, live: err == nil && os.Getenv("TERM") != "dumb"}
}

// eraseLine goes to the beginning of the line and empties it (ECMA-48, EL).
const eraseLine = "\r\x1b[K"

func (p *progress) say(format string, args ...any) {
	if p.live {
		fmt.Fprintf(p.out, "%s%.79s", eraseLine, fmt.Sprintf(format, args...))
	}
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.out, eraseLine)
	}
}
