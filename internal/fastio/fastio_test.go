package fastio_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
)

func TestReadFile(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2047, 2048, 2049, 4096, 1 << 20} {
		want := bytes.Repeat([]byte("x\n"), size)[:size]
		path := filepath.Join(t.TempDir(), strconv.Itoa(size))
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := fastio.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		for _, room := range []int{1, size + 1, 2048} {
			if got, err := fastio.ReadDirect(path, make([]byte, room)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes with room for %d: read %d, %v", size, room, len(got), err)
			}
		}
	}
	if got, err := fastio.ReadFile("/proc/self/stat"); err != nil || len(got) == 0 {
		t.Errorf("/proc/self/stat: %d bytes, %v", len(got), err)
	}
}

// TestReadDirectHasALimit: memory is not given to a file that wants it.
func TestReadDirectHasALimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]error{fastio.Most: nil, fastio.Most + 1: unix.EFBIG, 1 << 40: unix.EFBIG} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if data, err := fastio.ReadDirect(path, make([]byte, 4096)); !errors.Is(err, want) || err == nil && len(data) != fastio.Most {
			t.Errorf("%d bytes: read %d, %v", size, len(data), err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := fastio.ReadFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := fastio.ReadFile(dir); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory read as a file: %v", err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fastio.ReadDirect(dir, make([]byte, 10)); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory read directly: %v", err)
	}
	if _, err := fastio.ReadDirect(filepath.Join(dir, "none"), make([]byte, 10)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file read directly: %v", err)
	}
	if got, err := fastio.ReadFile(pipe); err != nil || len(got) != 0 {
		t.Errorf("a pipe without writer: %q, %v", got, err)
	}
	if _, err := fastio.Names(pipe); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a pipe listed: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []string
	for i := range 3000 { // more than one getdents
		want = append(want, strconv.Itoa(i)+".conf")
		if err := os.WriteFile(filepath.Join(dir, want[i]), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := fastio.Names(dir)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d names, %v", len(got), err)
	}
}

// TestStat: whichever directory was used last, the file of the right one is
// looked at.
func TestStat(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	for i, name := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(top, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, name, "file"), make([]byte, i+1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var dir fastio.Dir
	defer dir.Close()
	for _, tt := range []struct {
		folder string
		size   int64
	}{{"a", 1}, {"a", 1}, {"none", 0}, {"b", 2}, {"a", 1}} {
		var st unix.Stat_t
		err := dir.Stat(filepath.Join(top, tt.folder), "file", &st)
		if st.Size != tt.size || tt.size == 0 && !errors.Is(err, fs.ErrNotExist) || tt.size > 0 && err != nil {
			t.Errorf("%s: %d bytes, %v", tt.folder, st.Size, err)
		}
	}
}
