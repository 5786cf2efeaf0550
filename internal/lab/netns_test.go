package lab_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"pve-iplease/internal/lab"
)

func TestChildIsInsideNamespace(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", nil)
	var want string
	f.Must(node.Do(func() (err error) {
		want, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	}))
	var out bytes.Buffer
	cmd := roleCommand("where")
	cmd.Stdout, cmd.Stderr = &out, &out
	f.Must(node.Run(cmd))
	if out.String() != want {
		t.Errorf("the child does not run in %s:\n%s", want, out.String())
	}
}

// When the process that made a namespace is killed, what it started there
// goes too: the pipe that the children share has no writer left.
func TestNothingOutlivesItsMaker(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	r, w, err := os.Pipe()
	f.Must(err)
	defer r.Close()
	house := roleCommand("house")
	house.Stdout = w
	f.Must(house.Start())
	f.Must(w.Close())
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); line != "here\n" {
		t.Fatalf("the child says %q: %v", line, err)
	}
	f.Must(house.Process.Kill())
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("then %q: %v", rest, err)
	}
	_ = house.Wait() // killed
}

// However a function ends, its thread goes home.
func TestDoComesBack(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", nil)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here := func() string {
		ns, err := os.Readlink("/proc/thread-self/ns/net")
		f.Must(err)
		return ns
	}
	home, sentinel := here(), errors.New("sentinel")
	if err := node.Do(func() error { return sentinel }); !errors.Is(err, sentinel) {
		t.Errorf("got %v, want %v", err, sentinel)
	}
	func() {
		defer func() { _ = recover() }()
		f.Must(node.Do(func() error { panic("on purpose") }))
	}()
	f.Must(node.Do(func() error {
		return node.Do(func() error { return nil })
	}))
	if got := here(); got != home {
		t.Errorf("the thread is in %s, and was in %s", got, home)
	}
}
