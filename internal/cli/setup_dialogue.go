package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"pve-iplease/internal/report"
	"pve-iplease/internal/ui"
)

// dialogue asks a person at a terminal. Without one it asks nothing, and every
// answer is the cautious one.
type dialogue struct {
	terminal bool
	out      io.Writer
	ctx      context.Context // a person may end it while it waits
	lines    chan string
	in       *os.File
}

func newDialogue(ctx context.Context, in *os.File, out io.Writer) *dialogue {
	return &dialogue{terminal: ui.TerminalOf(in).Is && ui.TerminalOf(out).Is, out: out, ctx: ctx, in: in}
}

// ask shows a question with its default and returns the answer; ok is false
// when there is none to come.
func (d *dialogue) ask(question, standard string) (answer string, ok bool) {
	if !d.terminal {
		return "", false
	}
	if standard != "" {
		question += " [" + standard + "]"
	}
	fmt.Fprint(d.out, question+": ")
	if d.lines == nil {
		d.lines = make(chan string)
		go d.read()
	}
	select {
	case <-d.ctx.Done():
		fmt.Fprintln(d.out)
		return "", false
	case line, more := <-d.lines:
		if !more {
			fmt.Fprintln(d.out)
			return "", false
		}
		if line = strings.TrimSpace(line); line == "" {
			line = standard
		}
		return line, true
	}
}

func (d *dialogue) read() {
	s := bufio.NewScanner(d.in)
	for s.Scan() {
		d.lines <- s.Text()
	}
	close(d.lines)
}

// yes asks a question with two answers.
func (d *dialogue) yes(question string, standard bool) bool {
	word := "y/N"
	if standard {
		word = "Y/n"
	}
	for {
		answer, ok := d.ask(question+" ["+word+"]", "")
		if !ok {
			return false
		}
		switch strings.ToLower(answer) {
		case "":
			return standard
		case "y", "yes":
			return true
		case "n", "no":
			return false
		}
		fmt.Fprintln(d.out, "answer yes or no")
	}
}

// agree goes through what can't be known, shows the pool, and lets a person
// change it until it is right.
func (a *app) agree(v *survey, p *pool, d *dialogue) error {
	for change := p.subnet == "" || p.span == ""; ; change = true {
		if change {
			fmt.Fprintln(d.out)
			if !a.fill(v, p, d) {
				return errNotSetUp
			}
		}
		if err := a.poolScreen(v, *p); err != nil {
			return err
		}
		answer, ok := d.ask("Write it to "+v.file()+"? [Yes/no/change]", "")
		switch word := strings.ToLower(answer); {
		case !ok || strings.HasPrefix("no", word) && word != "":
			return errNotSetUp
		case strings.HasPrefix("yes", word):
			return nil
		}
	}
}

// fill asks for each part until it makes sense.
func (a *app) fill(v *survey, p *pool, d *dialogue) (ok bool) {
	for {
		for _, q := range []struct {
			text string
			into *string
		}{
			{"Network, like 10.0.0.0/24", &p.subnet},
			{"Gateway, an address or none", &p.gateway},
			{"Addresses to lease, FIRST-LAST", &p.span},
			{"Name of the pool", &p.name},
		} {
			answer, more := d.ask(q.text, *q.into)
			if !more {
				return false
			}
			*q.into = answer
		}
		err := p.problem(v)
		if err == nil {
			return true
		}
		b := ui.NewPage(a.out)
		b.Wrap(report.Sentence(err.Error()), "that can't be: ")
		if b.Show(d.out) != nil {
			return false
		}
	}
}
