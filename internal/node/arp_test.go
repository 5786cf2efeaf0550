package node

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What one process reserves the next one sees, whatever was in the file.
func TestARPShare(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	s := h.ARPShare("vmbr0")
	now := s.Now()
	keep := []time.Duration{now, now + time.Second, now + time.Minute}
	for name, text := range map[string]string{"nothing": "", "nonsense": "nonsense", "more": "a text that is long enough for some numbers"} {
		if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, s.path, text)
		if err := s.Change(t.Context(), func(got []time.Duration) []time.Duration {
			if len(got) > 0 {
				t.Errorf("%s: %s", name, got)
			}
			return keep
		}); err != nil {
			t.Error(err)
		}
		if err := h.ARPShare("vmbr0").Change(t.Context(), func(got []time.Duration) []time.Duration {
			if !slices.Equal(got, keep) {
				t.Errorf("%s: kept %s", name, got)
			}
			return got
		}); err != nil {
			t.Error(err)
		}
	}
	if err := h.ARPShare("vmbr1").Change(t.Context(), func(got []time.Duration) []time.Duration {
		if len(got) > 0 {
			t.Errorf("another uplink's: %s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
