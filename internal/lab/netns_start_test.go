package lab_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// Whoever asks for a child may leave, and its thread end: the child stays.
func TestChildOutlivesTheThreadThatAskedForIt(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.Node("pve1", nil)
	for name, start := range map[string]func(*exec.Cmd) error{"here": lab.StartBound, "in a namespace": node.Start} {
		child := roleCommand("echo")
		in, err := child.StdinPipe()
		f.Must(err)
		out, err := child.StdoutPipe()
		f.Must(err)
		thread, err := onEndingThread(func() error { return start(child) })
		f.Must(err)
		await(t, func() bool { _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", thread)); return err != nil })
		_, _ = fmt.Fprintln(in, "still here") // what it says tells
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "still here\n" {
			t.Errorf("%s: the child says %q: %v", name, line, err)
		}
		f.Must(in.Close())
		f.Must(child.Wait())
	}
}

// onEndingThread runs f on a thread that ends with it, and tells which.
func onEndingThread(f func() error) (thread int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if thread = unix.Gettid(); thread == os.Getpid() { // the first one never ends
			thread, err = onEndingThread(f)
			runtime.UnlockOSThread()
			return
		}
		err = f()
	}()
	<-done
	return thread, err
}

// What is plugged in stays, also where nobody keeps it.
func TestWhatIsPluggedInStays(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	plugged := plug(f, lan)
	for range 20 {
		runtime.GC()
		if open := openNamespaces(t); !strings.Contains(open, plugged) {
			t.Fatalf("the host's %s is closed", plugged)
		}
	}
	runtime.KeepAlive(lan)
}

// plug puts a host on the LAN that nobody keeps, and names its namespace.
func plug(f lab.Fixture, lan *lab.LAN) (namespace string) {
	h, err := lan.Host(lab.RandomMAC())
	f.Must(err)
	f.Must(h.Do(func() (err error) {
		namespace, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	}))
	return namespace
}

// openNamespaces are those that this process keeps.
func openNamespaces(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open strings.Builder
	for _, e := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + e.Name()) // it may be closed by now
		fmt.Fprintln(&open, link)
	}
	return open.String()
}
