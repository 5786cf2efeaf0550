package doctor

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"

	"pve-iplease/internal/evidence"
	"pve-iplease/internal/guest"
	"pve-iplease/internal/pve"
)

// usual is the volume that the hookscript has where no guest says otherwise.
const usual = "local:snippets/pve-iplease"

// scripts looks for every volume that guests have as their hookscript on every
// node, since a guest may come to any of them.
func (v *visit) scripts() {
	volumes := map[string]map[string][]pve.VMID{}
	for id, g := range v.Inventory.Guests {
		if !g.Hooked {
			continue
		}
		data, err := os.ReadFile(evidence.GuestPath(v.node.Path, g))
		if err != nil {
			continue
		}
		volume := guest.Parse(g.Kind, data).Hookscript()
		if volumes[volume] == nil {
			volumes[volume] = map[string][]pve.VMID{}
		}
		volumes[volume][g.Node] = append(volumes[volume][g.Node], id)
	}
	if len(volumes) == 0 {
		volumes[usual] = nil
	}
	nodes := v.Nodes
	if !slices.Contains(nodes, v.Node) {
		nodes = append(slices.Clone(nodes), v.Node)
	}
	storages := evidence.ReadStorages(v.node.Path)
	for _, volume := range slices.Sorted(maps.Keys(volumes)) {
		for _, n := range nodes {
			s := evidence.NewScript(storages, volume, n, v.Node, v.node.Path)
			s.Guests = slices.Sorted(slices.Values(volumes[volume][n]))
			if n == v.Node && s.Problem == "" {
				s.Trust = v.node.Trust(v.node.Path(s.Path))
				s.Differs = !running(v.node.Path(s.Path)) && !packaged(v.node.Path(s.Path))
			}
			v.Scripts = append(v.Scripts, s)
		}
	}
}

// packaged reports whether a file is the hookscript of the Debian package,
// which starts the program that dpkg keeps.
func packaged(path string) bool {
	const longest = 4 << 10
	info, err := os.Stat(path)
	if err != nil || info.Size() > longest {
		return false
	}
	text, err := os.ReadFile(path)
	return err == nil && bytes.HasPrefix(text, []byte("#!/bin/sh\n")) && bytes.Contains(text, []byte("\n\texec "+packagedProgram+" "))
}

// packagedProgram is where the Debian package has the program.
const packagedProgram = "/usr/sbin/pve-iplease"

// running reports whether a file is the program that runs now: the same file,
// or a copy of it.
func running(path string) bool {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return false
	}
	defer func() { _ = self.Close() }()
	other, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = other.Close() }()
	a, aerr := self.Stat()
	b, berr := other.Stat()
	switch {
	case aerr != nil || berr != nil || a.Size() != b.Size():
		return false
	case os.SameFile(a, b):
		return true
	}
	return sum(self) == sum(other)
}

// sum is the SHA-256 of a file, zero for one that can't be read.
func sum(f io.Reader) (s [sha256.Size]byte) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err == nil {
		h.Sum(s[:0])
	}
	return s
}

// loose looks at the directories that decide what root does next. Files on
// /etc/pve are safe: pmxcfs lets root alone write, whatever mode they have.
func (v *visit) loose() {
	dirs := []string{"/run/pve-iplease", "/var/lib/pve-iplease", "/etc/pve-iplease", "/etc/pve-iplease/hooks.d"}
	if v.Ledger.Dir != "" && !v.Ledger.Shared {
		dirs = append(dirs, v.Ledger.Dir)
	}
	for _, d := range dirs {
		info, err := os.Stat(v.node.Path(d))
		if err != nil {
			continue
		}
		uid := int(info.Sys().(*syscall.Stat_t).Uid)
		switch {
		case uid != 0 && uid != os.Geteuid():
			v.Loose = append(v.Loose, Loose{d, fmt.Sprintf("belongs to user %d", uid), "chown root " + d})
		case info.Mode()&0o022 != 0:
			v.Loose = append(v.Loose, Loose{d, fmt.Sprintf("can be written by others (mode %04o)", info.Mode().Perm()), "chmod go-w " + d})
		}
	}
}
