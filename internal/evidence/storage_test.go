package evidence

import (
	"slices"
	"testing"
)

// local is where Proxmox looks for it, whatever its section says.
func TestLocalStorage(t *testing.T) {
	t.Parallel()
	const standard = "/var/lib/vz/snippets/x"
	tests := map[string]struct{ cfg, want string }{
		"no file":              {"", standard},
		"not named":            {"dir: tank\n\tpath /tank\n", standard},
		"named":                {"dir: local\n\tpath /var/lib/vz\n\tcontent iso\n", standard},
		"without a path":       {"dir: local\n\tcontent iso\n", standard},
		"another directory":    {"dir: local\n\tpath /var/lib/vz\n\tcontent-dirs iso=cd,snippets=hooks\n", "/var/lib/vz/hooks/x"},
		"another path":         {"dir: local\n\tpath /tank/vz\n\tcontent-dirs snippets=hooks\n", standard},
		"another type":         {"btrfs: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=hooks\n", standard},
		"disabled, elsewhere":  {"dir: local\n\tpath /tank/vz\n\tdisable\n", standard},
		"restricted to a node": {"dir: local\n\tpath /var/lib/vz\n\tnodes pve2\n", standard},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := parseStorages(tt.cfg)
			i := slices.IndexFunc(all, func(s Storage) bool { return s.name == "local" })
			if i < 0 || all[i].snippet("x") != tt.want || !all[i].on("pve1") {
				t.Errorf("%+v, want %s on every node", all, tt.want)
			}
		})
	}
}
