package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"pve-iplease/internal/filelock"
)

// Who gives up does not keep the lock from the next, also when it gets it late.
func TestTake(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := filelock.Take(hasty, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a lock that is held: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	patient, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	second, err := filelock.Take(patient, path)
	if err != nil {
		t.Fatalf("after the first gave it back: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTakeWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	if _, err := filelock.Take(t.Context(), filepath.Join(t.TempDir(), "none", "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lock in a directory that is missing: %v", err)
	}
}
