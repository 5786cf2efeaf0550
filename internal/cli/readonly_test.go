package cli_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The commands that only look leave every file as it is, also those that a
// start would write: the configs of guests, what Proxmox generates for LXC, the
// ledger.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	root := small(t)
	for name, text := range map[string]string{
		"etc/pve/nodes/pve1/lxc/103.conf": "hookscript: local:snippets/pve-iplease\nonboot: 1\n" +
			"net0: name=eth0,bridge=vmbr0,host-managed=1,hwaddr=BC:24:11:00:01:03,ip=10.0.0.230/24\n",
		"etc/pve/nodes/pve1/lxc/104.conf": "hookscript: local:snippets/pve-iplease\nonboot: 1\n" +
			"net0: name=eth0,bridge=vmbr0,host-managed=1,hwaddr=BC:24:11:00:01:04,ip=manual\n",
		"etc/pve/nodes/pve1/qemu-server/200.conf": "hookscript: local:snippets/pve-iplease\nonboot: 1\nnet0: virtio=BC:24:11:00:02:00,bridge=vmbr0\nipconfig0: ip=10.0.0.231/24\n",
		"var/lib/lxc/103/config":                  "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.0.99/24\n",
		"var/lib/lxc/104/config":                  "lxc.net.0.type = veth\n",
		"var/lib/vz/snippets/pve-iplease":         "#!/bin/sh\n",
		"var/lib/pve-iplease/history.jsonl":       "",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	before := contents(t, root)
	for _, args := range []string{"rehearse --passive", "rehearse --passive --after 100h", "doctor", "audit --passive", "status", "whohas 103"} {
		said, err := call(t, append([]string{"--root", root}, strings.Fields(args)...)...).CombinedOutput()
		if len(said) == 0 {
			t.Errorf("%s: %v, and it says nothing", args, err)
		}
		if diff := cmp.Diff(before, contents(t, root)); diff != "" {
			t.Errorf("%s changes files (-before +after):\n%s\nit says:\n%s", args, diff, said)
		}
	}
}

// contents are all files below a directory.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
