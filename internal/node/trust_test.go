package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pve-iplease/internal/lab"
)

func TestReadTrusted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, dir fs.FileMode
		uid       int
		want      string // of the message; empty: trusted
	}{
		"ours":              {0o644, 0o755, -1, ""},
		"private":           {0o600, 0o700, -1, ""},
		"group may write":   {0o664, 0o755, -1, "chmod go-w"},
		"all may write":     {0o646, 0o755, -1, "mode 0646"},
		"another user's":    {0o644, 0o755, 1000, "belongs to user 1000"},
		"directory is open": {0o644, 0o777, -1, "its directory (mode 0777)"},
		"directory sticky":  {0o644, 0o777 | fs.ModeSticky, -1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "conf")
			path := filepath.Join(dir, "pools.cfg")
			write(t, path, "pool: lan\n")
			if err := errors.Join(os.Chmod(path, tt.file), os.Chmod(dir, tt.dir)); err != nil {
				t.Fatal(err)
			}
			if tt.uid >= 0 {
				lab.RequireOwners(t)
				if err := os.Chown(path, tt.uid, -1); err != nil {
					t.Fatal(err)
				}
			}
			link := filepath.Join(t.TempDir(), "link.cfg")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			for _, p := range []string{path, link} {
				data, err := new(Host).ReadTrusted(p)
				if tt.want == "" {
					if string(data) != "pool: lan\n" || err != nil {
						t.Errorf("%q, %v", data, err)
					}
					continue
				}
				if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), tt.want) || data != nil {
					t.Errorf("err = %v, want %q", err, tt.want)
				}
			}
		})
	}
}

func TestReadTrustedOddFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, "/dev/null"} {
		if _, err := new(Host).ReadTrusted(path); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := new(Host).ReadTrusted(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
