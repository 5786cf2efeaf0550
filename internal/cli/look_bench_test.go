package cli_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pve-iplease/internal/lab"
)

// crowded adds guests that start by themselves to a host, every fifth of them
// kept alive by the high availability manager of three nodes.
func crowded(b *testing.B, root string, guests int) {
	b.Helper()
	resources := ""
	for i := range guests {
		id := 1000 + i
		conf := fmt.Sprintf("hookscript: local:snippets/pve-iplease\nhostname: guest%d\nonboot: 1\n"+
			"net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:10:%02X:%02X,ip=10.1.%d.%d/16\n", id, i/256, i%256, i/250, 1+i%250)
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("etc/pve/nodes/pve1/lxc/%d.conf", id)), []byte(conf), 0o644); err != nil {
			b.Fatal(err)
		}
		if i%5 == 0 {
			resources += fmt.Sprintf("ct: %d\n\n", id)
		}
	}
	pools := "pool: lan\n\tbridge vmbr0\n\tsubnet 10.1.0.0/16\n\trange 10.1.0.0-10.1.7.255\n"
	if err := errors.Join(
		os.MkdirAll(filepath.Join(root, "etc/pve/ha"), 0o755), os.MkdirAll(filepath.Join(root, "etc/pve/nodes/pve2"), 0o755),
		os.MkdirAll(filepath.Join(root, "etc/pve/nodes/pve3"), 0o755), os.MkdirAll(filepath.Join(root, "var/lib/vz/snippets"), 0o755),
		os.WriteFile(filepath.Join(root, "etc/pve/ha/resources.cfg"), []byte(resources), 0o644),
		os.WriteFile(filepath.Join(root, "etc/pve/pve-iplease/pools.cfg"), []byte(pools), 0o644),
		os.WriteFile(filepath.Join(root, "var/lib/vz/snippets/pve-iplease"), nil, 0o755),
	); err != nil {
		b.Fatal(err)
	}
}

// One question takes one probe window, 500 ms, and little more, however many
// guests there are.
func BenchmarkWhohas500(b *testing.B) {
	f := lab.New(b)
	node, _ := f.Node("pve1", f.LAN())
	root := small(b)
	crowded(b, root, 500)
	for b.Loop() {
		if err := node.Run(call(b, "--root", root, "whohas", "10.1.7.1")); err != nil {
			b.Fatal(err)
		}
	}
}

// 500 guests on three nodes: 700 starts.
func BenchmarkRehearse500(b *testing.B) {
	root := small(b)
	crowded(b, root, 500)
	for b.Loop() {
		_ = call(b, "--root", root, "rehearse", "--passive").Run() // the conflict of small is found
	}
}
