package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pve-iplease/internal/pve"
)

const (
	before = "arch: amd64\nnet0: name=eth0,bridge=vmbr0,ip=dhcp\n"
	after  = "arch: amd64\nnet0: name=eth0,bridge=vmbr0,ip=10.0.0.200/24\n"
)

func TestReadGuest(t *testing.T) {
	t.Parallel()
	h, _ := tree(t, "101", before)
	write(t, h.Path("/etc/pve/nodes/pve1/qemu-server/200.conf"), "name: vm\n")
	tests := []struct {
		kind pve.Kind
		id   pve.VMID
		want string
		err  error
	}{
		{pve.Container, 101, before, nil},
		{pve.VM, 200, "name: vm\n", nil},
		{pve.VM, 101, "", ErrNoGuest},
		{pve.Container, 102, "", ErrNoGuest},
	}
	for _, tt := range tests {
		got, err := h.ReadGuest(tt.kind, tt.id)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s %s: %q, %v", tt.kind, tt.id, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), guestName(tt.kind, tt.id)) {
			t.Errorf("%q does not name the guest", err)
		}
	}
}

// A tree without nodes/ has its guests in the plain directory.
func TestReadGuestPlainDirectory(t *testing.T) {
	t.Parallel()
	h, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.Path("/etc/pve/lxc/101.conf"), before)
	if got, err := h.ReadGuest(pve.Container, 101); string(got) != before || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind           pve.Kind
		id             pve.VMID
		old, new, want string
		err            error
	}{
		"changed by us":   {pve.Container, 101, before, after, after, nil},
		"nothing to do":   {pve.Container, 101, before, before, before, nil},
		"made empty":      {pve.Container, 101, before, "", "", nil},
		"changed by them": {pve.Container, 101, "x", after, before, ErrChanged},
		"no-op on theirs": {pve.Container, 101, "x", "x", before, ErrChanged},
		"another guest":   {pve.Container, 102, before, after, before, ErrNoGuest},
		"another kind":    {pve.VM, 101, before, after, before, ErrNoGuest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, path := tree(t, "101", before)
			write(t, filepath.Join(filepath.Dir(path), ".101.conf42"), "left over")
			err := h.Replace(t.Context(), tt.kind, tt.id, []byte(tt.old), []byte(tt.new))
			if !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
			if got := read(t, path); got != tt.want {
				t.Errorf("file is %q, want %q", got, tt.want)
			}
			left := files(t, filepath.Dir(path))
			if tt.id == 101 && tt.kind == pve.Container && len(left) != 1 {
				t.Errorf("left over: %q", left)
			}
		})
	}
}

func TestReplaceKeepsModeAndOwner(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o640, 0o600, 0o644, 0o666, 0o440} {
		h, path := tree(t, "101", before)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		owner := os.Getgid()
		if os.Getuid() == 0 && os.Chown(path, 33, 33) == nil { // www-data, as on pmxcfs
			owner = 33
		}
		if err := h.Replace(t.Context(), pve.Container, 101, []byte(before), []byte(after)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); info.Mode() != mode || int(st.Gid) != owner {
			t.Errorf("mode %v group %d, want %v %d", info.Mode(), st.Gid, mode, owner)
		}
	}
}

func FuzzIsLeftover(f *testing.F) {
	f.Add(".101.conf123")
	f.Add("101.conf.tmp.1")
	f.Fuzz(func(t *testing.T, name string) {
		if isLeftover(name, "101.conf") && (!strings.HasPrefix(name, ".101.conf") || len(name) == len(".101.conf")) {
			t.Errorf("%q is not ours", name)
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	h, path := tree(b, "101", before)
	for i := range 500 {
		write(b, filepath.Join(filepath.Dir(path), pve.VMID(1000+i).String()+".conf"), before)
	}
	text := [][]byte{[]byte(before), []byte(after)}
	for i := 0; b.Loop(); i++ {
		if err := h.Replace(b.Context(), pve.Container, 101, text[i%2], text[(i+1)%2]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLockGuest(b *testing.B) {
	h, _ := tree(b, "101", before)
	for b.Loop() {
		unlock, err := h.LockGuest(b.Context(), 101, 0)
		if err != nil {
			b.Fatal(err)
		}
		unlock()
	}
}
