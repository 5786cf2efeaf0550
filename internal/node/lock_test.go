package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func lockPath(h *Host) string { return h.Path("/run/lock/lxc/pve-config-101.lock") }

func TestLockGuestMakesWhatProxmoxMakes(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	if err := os.RemoveAll(h.Path("/run")); err != nil {
		t.Fatal(err)
	}
	unlock, err := h.LockGuest(t.Context(), 101, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	info, err := os.Stat(lockPath(h))
	if err != nil || info.Mode().Perm()&^0o644 != 0 {
		t.Errorf("lock file: %v %v", info, err)
	}
}

func TestLockGuestExcludes(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	var inside, most int
	var mu sync.Mutex
	count := func(d int) {
		mu.Lock()
		defer mu.Unlock()
		inside += d
		most = max(most, inside)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			unlock, err := h.LockGuest(t.Context(), 101, time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			count(+1)
			time.Sleep(time.Millisecond)
			count(-1)
			unlock()
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
}

func TestLockGuestStranger(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	c := play(t, "hold", nil, "task UPID:pve1:0001:vzdump:101:root@pam:", lockPath(h))
	c.says()

	_, err := h.LockGuest(t.Context(), 101, 30*time.Millisecond)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("err = %v, want ErrLocked", err)
	}
	for _, part := range []string{"CT 101", "process " + strconv.Itoa(c.cmd.Process.Pid), "vzdump:101", "try again"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("terminated"))
	if _, err := h.LockGuest(ctx, 101, time.Hour); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("told to stop: %v", err)
	}

	go c.step()
	unlock, err := h.LockGuest(t.Context(), 101, time.Minute)
	if err != nil {
		t.Fatalf("after the stranger ended: %v", err)
	}
	unlock()
}

// Its parent has the lock, as a Proxmox task has when it runs a hook.
func TestLockGuestAncestor(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", "")
	c := play(t, "parent", nil, "parent", lockPath(h), h.root)
	if got := c.says(); got != "locked" {
		t.Errorf("under a parent with the lock: %s", got)
	}
	c.end()
	// A sibling's lock is a stranger's.
	c = play(t, "hold", nil, "hold", lockPath(h))
	c.says()
	if got := play(t, "lock", nil, "lock", h.root).says(); !strings.Contains(got, ErrLocked.Error()) {
		t.Errorf("beside a sibling with the lock: %s", got)
	}
}

func TestLockGuestSweeps(t *testing.T) {
	t.Parallel()
	h, path := tree(t, "101", "hostname: a\n")
	keep := []string{"101.conf", "101.conf.tmp.4711", ".1010.conf1", ".101.conf", ".101.confx1", ".102.conf77"}
	for _, name := range append(keep, ".101.conf1", ".101.conf9223372036854775807") {
		write(t, filepath.Join(filepath.Dir(path), name), "x")
	}
	unlock, err := h.LockGuest(t.Context(), 101, 0)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	want := []string{".101.conf", ".101.confx1", ".1010.conf1", ".102.conf77", "101.conf", "101.conf.tmp.4711"}
	if diff := cmp.Diff(want, files(t, filepath.Dir(path))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestParseLocks(t *testing.T) {
	t.Parallel()
	const text = `1: POSIX  ADVISORY  WRITE 1 00:19:131 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 fd:1a:131 0 EOF
2: -> FLOCK  ADVISORY  WRITE 4712 fd:1a:131 0 EOF
3: FLOCK  ADVISORY  READ 0 00:19:18446744073709551615 0 EOF
4: FLOCK  ADVISORY  WRITE x 00:19:1 0 EOF
5: FLOCK  ADVISORY  WRITE 5 00:19 0 EOF
6: FLOCK  ADVISORY  WRITE
7: LEASE  ACTIVE    READ 9 00:19:1 0 EOF
`
	want := []flocked{
		{fileID{0xfd, 0x1a, 131}, 4711, true},
		{fileID{0, 0x19, 1<<64 - 1}, 0, false},
	}
	if diff := cmp.Diff(want, parseLocks([]byte(text)), cmp.AllowUnexported(flocked{}, fileID{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHolderString(t *testing.T) {
	t.Parallel()
	if got := (holder{}).String(); !strings.Contains(got, "cannot be seen") {
		t.Errorf("unknown holder: %s", got)
	}
	if got := (holder{pid: 1 << 30}).String(); got != "process 1073741824 (already gone)" {
		t.Errorf("ended holder: %s", got)
	}
	c := play(t, "hold", nil, "evil\x1b[31m\n"+strings.Repeat("x", 300), filepath.Join(t.TempDir(), "lock"))
	c.says()
	got := holder{pid: c.cmd.Process.Pid}.String()
	if strings.ContainsAny(got, "\x1b\n") || len(got) > 160 {
		t.Errorf("a process chose the words: %q", got)
	}
}

func FuzzParseLocks(f *testing.F) {
	f.Add([]byte("2: FLOCK  ADVISORY  WRITE 4711 fd:1a:131 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 4712 fd:1a:131 0 EOF\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, l := range parseLocks(data) {
			if l.pid < 0 {
				t.Errorf("a negative process id in %q", data)
			}
		}
	})
}

// What a killed run left beside the config of a guest that has moved to another
// node goes too; what may still be written, or isn't ours, stays.
func TestLockGuestSweepsForGuestsThatMoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beside []string
		fresh  bool
		want   []string
	}{
		"of a guest that moved":     {[]string{".102.conf123"}, false, nil},
		"of one that is here":       {[]string{".102.conf123", "102.conf"}, false, []string{".102.conf123", "102.conf"}},
		"just written":              {[]string{".102.conf123"}, true, []string{".102.conf123"}},
		"while one is renamed over": {[]string{".102.conf123", ".fuse_hidden0001"}, false, []string{".102.conf123", ".fuse_hidden0001"}},
		"of others":                 {[]string{".102.conf.swp", "102.conf.tmp.12", ".notes123", ".conf12"}, false, []string{".102.conf.swp", ".conf12", ".notes123", "102.conf.tmp.12"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, path := tree(t, "101", before)
			for _, f := range c.beside {
				f = filepath.Join(filepath.Dir(path), f)
				write(t, f, "x")
				if old := time.Now().Add(-time.Hour); !c.fresh && os.Chtimes(f, old, old) != nil {
					t.Fatal(f)
				}
			}
			unlock, err := h.LockGuest(t.Context(), 101, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			unlock()
			want := append(slices.Clone(c.want), "101.conf")
			slices.Sort(want)
			if diff := cmp.Diff(want, files(t, filepath.Dir(path))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}
