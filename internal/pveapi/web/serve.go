package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"pve-iplease/internal/pveapi"
)

// Main is the program: its arguments and what it reads and writes. It returns
// the exit status.
func Main(args []string, version string, in io.Reader, out, errs io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Fprintln(out, pveapi.Program, version)
	case len(args) == 3 && args[0] == "--root" && (args[2] == pveapi.Reading || args[2] == pveapi.Writing):
		if err := Serve(Options{Root: args[1], Purpose: args[2]}, version, in, out); err != nil {
			fmt.Fprintf(errs, "%s: error: %v\n", pveapi.Program, err)
			return 1
		}
	default:
		fmt.Fprintf(errs, "%s speaks to Proxmox's API for pve-iplease, which starts it; it is not for people\n", pveapi.Program)
		return 2
	}
	return 0
}

// Serve says hello, then answers requests, several at once, until there are no
// more; those that are under way then interest nobody. An error means that
// nobody understands the other.
func Serve(o Options, version string, in io.Reader, out io.Writer) error {
	s := &server{words: json.NewEncoder(out)}
	c, err := open(o)
	hello := pveapi.Hello{Protocol: pveapi.Protocol, Version: version}
	if err != nil && !errors.As(err, &hello.Failure) {
		hello.Failure = &pveapi.Failure{Text: err.Error()}
	}
	if err := s.say(hello); err != nil {
		return err
	}
	for requests := json.NewDecoder(in); ; {
		var r pveapi.Request
		switch err := requests.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if c == nil {
			return fmt.Errorf("request %d follows on a failure", r.ID)
		}
		go s.answer(c, r)
	}
}

// server is the way back.
type server struct {
	mu    sync.Mutex
	words *json.Encoder
}

func (s *server) say(word any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.words.Encode(word)
}

func (s *server) answer(c *client, r pveapi.Request) {
	a := pveapi.Answer{ID: r.ID}
	data, err := c.ask(context.Background(), r)
	if err != nil {
		a.Failure = c.failure(err)
	} else {
		a.Data = data
	}
	_ = s.say(a) // whoever asked is gone, and with it what we read
}
