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
	}
	if got, err := fastio.ReadFile("/proc/self/stat"); err != nil || len(got) == 0 {
		t.Errorf("/proc/self/stat: %d bytes, %v", len(got), err)
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
