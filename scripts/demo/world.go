package main

import (
	"bytes"
	"errors"
	"net/netip"
	"os/exec"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pve"
)

const nodeName = "pve1"

const pools = `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.239
`

// world is a LAN with a Proxmox node on it.
type world struct {
	program string
	lan     *lab.LAN
	node    *lab.Node
	tree    *lab.Tree
	pve     *lab.Proxmox
}

func newWorld(program string) (w *world, err error) {
	w = &world{program: program}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.lan, err = lab.NewLAN(); err != nil {
		return nil, err
	}
	if w.node, err = lab.NewNode(nodeName); err != nil {
		return nil, err
	}
	if err = w.node.AddBridge("vmbr0"); err != nil {
		return nil, err
	}
	if _, err = w.node.Uplink("vmbr0", "eno1", w.lan); err != nil {
		return nil, err
	}
	if w.tree, err = lab.NewTree(scratch, nodeName); err != nil {
		return nil, err
	}
	w.pve = lab.NewProxmox(w.tree, w.node)
	return w, errors.Join(w.tree.InstallHook("pve-iplease", program), w.tree.WritePools(pools))
}

func (w *world) close() {
	if w.pve != nil {
		_ = w.pve.Close()
	}
	if w.node != nil {
		_ = w.node.Close()
	}
	if w.lan != nil {
		_ = w.lan.Close()
	}
}

// stranger plugs in a host that Proxmox knows nothing about.
func (w *world) stranger(mac, addr string) error {
	m, err := pve.ParseMAC(mac)
	if err != nil {
		return err
	}
	_, err = w.lan.Host(m, netip.MustParsePrefix(addr+"/24"))
	return err
}

// container writes a new container's config.
func (w *world) container(id pve.VMID, name, mac, ip string) error {
	m, err := pve.ParseMAC(mac)
	if err != nil {
		return err
	}
	return w.tree.WriteCT(nodeName, id, lab.CT{Hostname: name, Hook: "pve-iplease", MAC: m, IP: ip})
}

// net0 is a container's network as its config has it now.
func (w *world) net0(id pve.VMID) (string, error) {
	conf, err := w.tree.Config(nodeName, id)
	if err != nil {
		return "", err
	}
	return conf.Value("net0"), nil
}

// run runs the program by hand on the node.
func (w *world) run(args ...string) (string, error) {
	cmd := exec.Command(w.program, append([]string{"--root", w.tree.Root(nodeName)}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := w.node.Run(cmd)
	return out.String(), err
}
