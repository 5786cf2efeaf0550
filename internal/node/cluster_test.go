package node

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	const members = `{"nodename": "pve1", "version": 4, "cluster": { "name": "from-members", "version": 2, "nodes": 2, "quorate": 1 }}`
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"a host of its own":      {nil, ""},
		"members":                {map[string]string{".members": members}, "from-members"},
		"members of no cluster":  {map[string]string{".members": `{"nodename": "pve1", "version": 0}`}, ""},
		"half a file":            {map[string]string{".members": `{"cluster": {"na`}, ""},
		"corosync.conf":          {map[string]string{".members": members, "corosync.conf": "totem {\n  cluster_name: prod\n  version: 2\n}\n"}, "prod"},
		"corosync.conf, no name": {map[string]string{".members": members, "corosync.conf": "totem {\n  version: 2\n}\n"}, "from-members"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "etc/pve"), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range tt.files {
				if err := os.WriteFile(filepath.Join(root, "etc/pve", file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			h, err := Open(root)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Cluster(); got != tt.want {
				t.Errorf("cluster %q, want %q", got, tt.want)
			}
		})
	}
}
