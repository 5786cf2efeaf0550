package pmxcfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestQuorum(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2", "pve3")
	put(t, dir[0]+"/a", "1")
	c.Stall(50 * time.Millisecond)
	c.Partition(c.Node("pve1"))
	check(t, "a change without quorum", os.Mkdir(dir[0]+"/x", 0o700), syscall.EACCES)
	check(t, "a change with quorum", os.Mkdir(dir[1]+"/y", 0o700), nil)
	put(t, dir[1]+"/a", "2")
	if got := get(t, dir[0]+"/a"); got != "1" {
		t.Errorf("cut off: %q", got)
	}
	c.Heal()
	check(t, "a change after healing", os.Mkdir(dir[0]+"/y", 0o700), syscall.EEXIST)
	if got := get(t, dir[0]+"/a"); got != "2" {
		t.Errorf("healed: %q", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "old")
	var next atomic.Pointer[Fault]
	c.Intercept(func(o Op) Fault {
		if o.Call == "write" || o.Call == "mkdir" {
			if f := next.Swap(nil); f != nil {
				return *f
			}
		}
		return Fault{}
	})
	write := func(data string) error {
		f, err := os.OpenFile(dir[0]+"/a", os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, err = syscall.Pwrite(int(f.Fd()), []byte(data), 0)
		return err
	}
	expect := func(want string) {
		t.Helper()
		if got := get(t, dir[1]+"/a"); got != want {
			t.Errorf("%q is stored, want %q", got, want)
		}
	}
	next.Store(&Fault{Errno: syscall.EBUSY})
	check(t, "refused", write("one"), syscall.EBUSY)
	expect("old")
	next.Store(&Fault{Errno: syscall.EBUSY, Applied: true})
	check(t, "applied", write("two"), syscall.EBUSY)
	expect("two")
	next.Store(&Fault{Errno: syscall.EIO, Late: true})
	check(t, "late", write("sex"), syscall.EIO)
	expect("two")
	check(t, "a later change", os.Mkdir(dir[0]+"/d", 0o700), nil)
	expect("sex")
	next.Store(&Fault{Short: 1})
	check(t, "short", write("old"), nil)
	expect("oex")
}

// A write of 128 KiB is one message, a longer one can be seen half done.
func TestTornReads(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	for _, size := range []int{128 << 10, 128<<10 + 1} {
		path := fmt.Sprintf("/f%d", size)
		put(t, dir[0]+path, string(bytes.Repeat([]byte("a"), size)))
		var pieces atomic.Int32
		halfway := make(chan []byte, 1)
		c.Intercept(func(o Op) Fault {
			if o.Call != "write" || pieces.Add(1) > 1 {
				return Fault{}
			}
			return Fault{After: func() {
				data, _ := os.ReadFile(dir[1] + path)
				halfway <- data
			}}
		})
		f, err := os.OpenFile(dir[0]+path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(bytes.Repeat([]byte("b"), size), 0); err != nil {
			t.Fatal(err)
		}
		c.Intercept(nil)
		f.Close()
		seen := <-halfway
		torn := bytes.Contains(seen, []byte("ba"))
		if want := size > 128<<10; torn != want || (pieces.Load() > 1) != want || len(seen) != size {
			t.Errorf("%d bytes: %d pieces, torn: %v", size, pieces.Load(), torn)
		}
	}
}

func TestCrashAndRestart(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/lxc/101.conf", "x")
	before := get(t, dir[0]+"/.version")
	if err := c.Node("pve1").Crash(); err != nil {
		t.Fatal(err)
	}
	_, err := os.ReadFile(dir[0] + "/lxc/101.conf")
	check(t, "reading after a crash", err, syscall.ENOTCONN)
	check(t, "writing after a crash", os.Mkdir(dir[0]+"/x", 0o700), syscall.ENOTCONN)
	check(t, "writing on the other node", os.Mkdir(dir[1]+"/x", 0o700), nil)
	c.Advance(time.Second)
	if err := c.Node("pve1").Restart(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, dir[0]+"/lxc/101.conf"); got != "x" {
		t.Errorf("after the restart: %q", got)
	}
	check(t, "writing after the restart", os.Mkdir(dir[0]+"/x", 0o700), syscall.EEXIST)
	if got := get(t, dir[0]+"/.version"); got == before {
		t.Error("the start time is as before")
	}
}

func TestLag(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "1")
	c.Lag(c.Node("pve2"), time.Hour)
	put(t, dir[0]+"/a", "2")
	if got := get(t, dir[1]+"/a"); got != "1" {
		t.Errorf("a node that lags reads %q", got)
	}
	check(t, "its own change", os.Mkdir(dir[1]+"/x", 0o700), nil)
	if got := get(t, dir[1]+"/a"); got != "2" {
		t.Errorf("after its own change it reads %q", got)
	}
}

// Growing an empty file ends pmxcfs on every node.
func TestGrowingAnEmptyFile(t *testing.T) {
	t.Parallel()
	_, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "")
	if err := os.Truncate(dir[0]+"/a", 10); err == nil {
		t.Error("no error")
	}
	for range 100 {
		if _, err := os.ReadFile(dir[1] + "/a"); err != nil {
			if !errors.Is(err, syscall.ECONNABORTED) { // what was under way when it crashed
				check(t, "on the other node", err, syscall.ENOTCONN)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the other node lives")
}

// A call that hangs is ended by the end of its process, and goes on when it is
// let go.
func TestHang(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "content")
	released, caught := make(chan struct{}), make(chan uint32, 10)
	c.Intercept(func(o Op) Fault {
		if o.Call != "open" || o.Path != "a" {
			return Fault{}
		}
		caught <- o.PID
		return Fault{Hang: released}
	})
	read := func() (*exec.Cmd, *bytes.Buffer) {
		cmd, out := exec.Command("cat", dir[0]+"/a"), &bytes.Buffer{}
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-caught
		return cmd, out
	}
	first, out := read()
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil || out.Len() > 0 {
		t.Errorf("killed while it hung: %v, %q", err, out)
	}
	second, out := read()
	close(released)
	if err := second.Wait(); err != nil || out.String() != "content" {
		t.Errorf("let go: %v, %q", err, out)
	}
}

// With the real thing's latencies a claim's calls take no less than measured.
func TestLatency(t *testing.T) {
	t.Parallel()
	c, dir := mounted(t, "pve1", "pve2")
	put(t, dir[0]+"/a", "content")
	c.Take(Measured)
	begin := time.Now()
	check(t, "mkdir", os.Mkdir(dir[0]+"/priv/lock/x", 0o700), nil)
	check(t, "rmdir", os.Remove(dir[0]+"/priv/lock/x"), nil)
	if took := time.Since(begin); took < Measured.Mkdir+Measured.Rmdir {
		t.Errorf("mkdir and rmdir took %v", took)
	}
}
