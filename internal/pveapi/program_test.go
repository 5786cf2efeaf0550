package pveapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pveapi"
)

// What goes wrong before the program takes a request is no reason not to ask
// pvesh, and its error says what to do.
func TestAProgramThatCannotAsk(t *testing.T) {
	t.Parallel()
	const versions = `pve-iplease-api is of version "0.9" and doesn't understand this program; install both of one version`
	for behaviour, want := range map[string]string{
		"die":         "pve-iplease-api has ended: exit status 3",
		"":            "pve-iplease-api has ended: EOF",
		"closed hang": "pve-iplease-api has ended: signal: killed",
		"garbage":     "pve-iplease-api says what nobody understands: invalid character 'S' looking for beginning of value",
		"old end":     versions,
	} {
		h := newHost(t, behaviour)
		if _, err := pveapi.ForWriting(h.options()); err == nil || err.Error() != want {
			t.Errorf("%q: %v", behaviour, err)
		}
	}
	o := newHost(t, "").options()
	o.Start = func(args ...string) (io.ReadWriteCloser, error) { return pveapi.Run(o.Root, args...) }
	if _, err := pveapi.ForReading(o); err == nil || err.Error() != "pve-iplease-api doesn't start: fork/exec "+o.Root+": permission denied" {
		t.Errorf("%v", err)
	}
}

func TestPveshStandsInForTheProgram(t *testing.T) {
	t.Parallel()
	lab.Require(t) // pvesh is for root
	for _, behaviour := range []string{"die", "garbage", "old end"} {
		h := newHost(t, behaviour).withPvesh(t)
		o := h.options()
		var notes []string
		o.Note = func(text string) { notes = append(notes, text) }
		a, err := pveapi.ForReading(o)
		if err != nil {
			t.Errorf("%q: %v", behaviour, err)
			continue
		}
		if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].Name != "pvesh" {
			t.Errorf("%q: %v, %v", behaviour, nodes, err)
		}
		if len(notes) != 1 || !strings.HasPrefix(notes[0], "going on with pvesh, since pve-iplease-api ") {
			t.Errorf("%q: notes %q", behaviour, notes)
		}
	}
	// What it says of a token is final: root would be allowed more.
	if _, err := pveapi.ForReading(newHost(t, "fails").withPvesh(t).options()); err == nil || err.Error() != "no token" {
		t.Errorf("%v", err)
	}
}

// A request that the program took may have been carried out: nobody repeats it.
// The next one goes to pvesh.
func TestARequestIsMadeOnce(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	for behaviour, why := range map[string]string{
		"hello take die":         "pve-iplease-api has ended: exit status 3",
		"hello take half":        "pve-iplease-api has ended: unexpected EOF",
		"hello take closed hang": "pve-iplease-api has ended: signal: killed",
		"hello take garbage end": "pve-iplease-api says what nobody understands: invalid character 'S' looking for beginning of value",
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, behaviour).withPvesh(t)
			a, err := pveapi.ForWriting(h.options())
			if err != nil {
				t.Fatal(err)
			}
			err = a.Put(t.Context(), "/nodes/pve1/lxc/101/config", map[string]string{"hookscript": "x"})
			if err == nil || err.Error() != "no answer to PUT /nodes/pve1/lxc/101/config, which may have been done all the same: "+why {
				t.Error(err)
			}
			const line = `{"id":1,"method":"PUT","path":"/nodes/pve1/lxc/101/config","params":{"hookscript":"x"}}` + "\n"
			if got := h.read("taken"); got != line {
				t.Errorf("the program took %q", got)
			}
			if _, err := a.Nodes(t.Context()); err != nil {
				t.Error(err)
			}
			if log := h.read("usr/bin/log"); log != "get /nodes\n" {
				t.Errorf("pvesh was asked %q", log)
			}
		})
	}
}

func TestAnswersInAnyOrder(t *testing.T) {
	t.Parallel()
	a, err := pveapi.ForReading(newHost(t, "hello backwards").options())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			path, got := fmt.Sprint("/", i), ""
			if err := a.Get(t.Context(), path, nil, &got); err != nil || got != path {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		})
	}
	wg.Wait()
}

func TestARefusalKeepsItsKind(t *testing.T) {
	t.Parallel()
	a, err := pveapi.ForReading(newHost(t, "hello refuse end").options())
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Nodes(t.Context())
	want := (&pveapi.Error{
		Method: "GET", Path: "/nodes", Status: 403, Reason: "Permission check failed (/, Sys.Audit)", As: "a@pve!b", Fields: map[string]string{"x": "y"},
	}).Error()
	if !errors.Is(err, pveapi.ErrDenied) || errors.Is(err, pveapi.ErrCertificate) || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestWhoeverWaitsCanLeave(t *testing.T) {
	t.Parallel()
	a, err := pveapi.ForReading(newHost(t, "hello end").options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("the deadline has passed"))
	defer cancel()
	if _, err := a.Nodes(ctx); err == nil || err.Error() != "no answer to GET /nodes: the deadline has passed" {
		t.Errorf("%v", err)
	}
}

// silent says hello, if at all, and nothing more.
type silent struct {
	io.Reader
	closed chan struct{}
}

func (s silent) Read(b []byte) (int, error) {
	if n, err := s.Reader.Read(b); err == nil {
		return n, nil
	}
	<-s.closed
	return 0, io.EOF
}

func (silent) Write(b []byte) (int, error) { return len(b), nil }

func (s silent) Close() error {
	close(s.closed)
	return nil
}

func TestAProgramThatFallsSilent(t *testing.T) {
	t.Parallel()
	start := func(hello string) pveapi.Options {
		return pveapi.Options{Root: t.TempDir(), Start: func(...string) (io.ReadWriteCloser, error) {
			return silent{strings.NewReader(hello), make(chan struct{})}, nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := pveapi.ForWriting(start("")); err == nil || err.Error() != "pve-iplease-api says nothing for 10s" {
			t.Errorf("%v", err)
		}
		a, err := pveapi.ForWriting(start(`{"protocol":1}`))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = a.Nodes(t.Context())
		if took := time.Since(begin); took != time.Minute || err == nil || err.Error() != "no answer to GET /nodes: pve-iplease-api says nothing for 1m0s" {
			t.Errorf("after %s: %v", took, err)
		}
		if _, err = a.Nodes(t.Context()); err == nil || err.Error() != "pve-iplease-api says nothing for 1m0s" {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// Nothing that is secret is in its arguments, and nothing at all in its
// environment. Ctrl-C doesn't reach it, for the process group isn't ours.
func TestWhatTheProgramIsGiven(t *testing.T) {
	t.Parallel()
	h := newHost(t, "hello end")
	if _, err := pveapi.ForReading(h.options()); err != nil {
		t.Fatal(err)
	}
	if got, want := h.read("seen"), "--root "+string(h)+" read"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var pid int
	if _, err := fmt.Sscan(h.read("pid"), &pid); err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d, %v", pid, group, err)
	}
}

// However this process ends, the program does too, also while it is asked.
func TestTheProgramEndsWithItsParent(t *testing.T) {
	t.Parallel()
	h := newHost(t, "hello take end")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = []string{parent, string(h)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait(t, "the request", func() bool { return h.read("taken") != "" })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	wait(t, "the program's end", func() bool {
		stat, err := os.ReadFile("/proc/" + h.read("pid") + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") // nobody here may reap it
	})
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("%s doesn't come", what)
		}
	}
}
