package report

import (
	"io"
	"os"
	"strings"
)

// maxLine is the longest line in bytes, newline included. A write of that much
// to a pipe is atomic (PIPE_BUF, pipe(7)), so that the lines of processes which
// share a task log never mix.
const maxLine = 4096

// Log is where messages go. It may be used by several goroutines if its
// writers may; a Log without writers or journal is valid and silent.
type Log struct {
	out, errs io.Writer
	journal   journal
	fields    Fields
}

// New returns a log that writes information to out, warnings and errors to
// errs, and everything to the journal that listens on the datagram socket
// journal (usually /run/systemd/journal/socket); an empty path means none.
func New(out, errs io.Writer, journalSocket string) *Log {
	return &Log{out: survivor(out), errs: survivor(errs), journal: journal(journalSocket)}
}

// With returns a log whose messages are about these fields wherever they do
// not say otherwise.
func (l *Log) With(f Fields) *Log {
	with := *l
	with.fields = f.or(l.fields)
	return &with
}

// Info reports what was done.
func (l *Log) Info(message string, about Fields) {
	l.report(l.out, "", Record{about, message, PriorityInfo})
}

// Warn reports what a person should look at.
func (l *Log) Warn(message string, about Fields) {
	l.report(l.errs, "warning: ", Record{about, message, PriorityWarning})
}

// Error reports why something was not done.
func (l *Log) Error(message string, about Fields) {
	l.report(l.errs, "error: ", Record{about, message, PriorityError})
}

// report writes one line in one write call. That nobody reads it any more is
// no reason to stop what is being done, so errors are dropped.
func (l *Log) report(w io.Writer, label string, r Record) {
	if w != nil {
		_, _ = w.Write(line(label, r.Message))
	}
	r.Fields = r.or(l.fields)
	l.journal.send(r)
}

// line is "pve-iplease: label message\n", at most maxLine bytes.
func line(label, message string) []byte {
	head := identifier + ": " + label
	room := maxLine - len(head) - len("\n")
	text := oneLine(message)
	for most := room; len(text) > room; most -= max(1, (len(text)-room)/4) {
		text = clean(text, most)
	}
	return []byte(head + text + "\n")
}

// oneLine joins the lines of a message, such as errors.Join makes.
func oneLine(message string) string {
	var lines []string
	for l := range strings.Lines(message) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return clean(strings.Join(lines, "; "), maxLine)
}

// survivor makes a closed standard stream harmless. A write to it through
// os.File would end the process by SIGPIPE (os/signal, "SIGPIPE"); one past
// os.File fails with EPIPE like any other.
func survivor(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return stream{f}
	}
	return w
}
