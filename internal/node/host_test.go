package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestName(t *testing.T) {
	t.Parallel()
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(hostname, ".")
	tests := map[string]struct {
		links map[string]string
		want  string
	}{
		"local":        {map[string]string{"local": "nodes/pve1"}, "pve1"},
		"local first":  {map[string]string{"local": "nodes/pve1", "lxc": "nodes/pve2/lxc"}, "pve1"},
		"lxc":          {map[string]string{"lxc": "nodes/pve2/lxc"}, "pve2"},
		"lxc absolute": {map[string]string{"lxc": "/etc/pve/nodes/pve3/lxc"}, "pve3"},
		"other link":   {map[string]string{"lxc": "elsewhere"}, short},
		"none":         {nil, short},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "etc/pve"), 0o755); err != nil {
				t.Fatal(err)
			}
			for link, target := range tt.links {
				if err := os.Symlink(target, filepath.Join(root, "etc/pve", link)); err != nil {
					t.Fatal(err)
				}
			}
			h, err := Open(root)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Name(); got != tt.want {
				t.Errorf("Name() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOpenAndPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct{ root, want string }{
		{"", "/etc/pve"},
		{"/", "/etc/pve"},
		{dir, dir + "/etc/pve"},
		{dir + "/", dir + "/etc/pve"},
	}
	for _, tt := range tests {
		h, err := Open(tt.root)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Path("/etc/pve"); got != tt.want {
			t.Errorf("root %q: Path = %q, want %q", tt.root, got, tt.want)
		}
		if got := h.Path("/../../etc/pve"); got != tt.want {
			t.Errorf("root %q: Path leaves the root: %q", tt.root, got)
		}
	}
	write(t, filepath.Join(dir, "file"), "")
	for _, bad := range []string{dir + "/none", dir + "/file"} {
		if _, err := Open(bad); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	h, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if boot := h.Boot(); len(boot) != 8 || strings.Trim(boot, "0123456789abcdef") != "" || boot != h.Boot() {
		t.Errorf("Boot() = %q, then %q", boot, h.Boot())
	}
	own, ok := statOf(os.Getpid())
	up := h.Uptime()
	if !ok || own.start <= 0 || up < own.start {
		t.Errorf("uptime %v, this process began at %v", up, own.start)
	}
	if up%(10*time.Millisecond) != 0 {
		t.Errorf("Uptime() = %v is finer than a process's start", up)
	}
}

func TestMountedUnderRoot(t *testing.T) {
	t.Parallel()
	h, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Quorate(); h.Mounted() || err == nil {
		t.Errorf("without /etc/pve: mounted %t, %v", h.Mounted(), err)
	}
	write(t, h.Path("/etc/pve/pools.cfg"), "")
	if ok, err := h.Quorate(); !h.Mounted() || !ok || err != nil {
		t.Errorf("an ordinary directory: mounted %t, quorate %t, %v", h.Mounted(), ok, err)
	}
}

// An ordinary /etc/pve on the machine itself is one that pmxcfs is to be
// mounted on.
func TestNotMounted(t *testing.T) {
	t.Parallel()
	h, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	if h.OnPmxcfs() {
		t.Skip("this machine is a Proxmox node")
	}
	if h.Mounted() {
		t.Error("mounted without pmxcfs")
	}
}

func TestOrphaned(t *testing.T) {
	t.Parallel()
	c := play(t, "leave", nil, "leave")
	if got := c.says() + " " + c.says(); !strings.Contains(got, "orphaned: false") {
		t.Fatalf("with its parent: %s", got)
	}
	c.step()
	if got := c.says(); got != "orphaned: true" {
		t.Errorf("without its parent: %s", got)
	}
}
