package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"

	"pve-iplease/internal/lab"
)

// costSuite asks for what a host pays at every start, whether or not the
// network has anything to say.
func costSuite() suite {
	return suite{
		name:     "cost",
		title:    "Cost of the hook",
		question: "What does a node pay for each call of the hook, beside other programs?",
		labels:   []string{"process"},
		columns: []column{
			spread("time, ms", "wall"),
			spread("CPU, ms", "cpu"),
			spread("memory, MiB", "peak"),
			middle("file, MiB", "size"),
		},
		notes: []string{
			"time: from before the process is made to its end; of pre-start most of it is the probe window, in which it sleeps",
			"CPU: user and system together, as the kernel accounts it; memory: the most that was resident (VmHWM), shared pages of files included, in runs of their own",
			"nothing to do: post-start of a container without a lease; pre-start renews a lease, post-stop releases one",
		},
		blocks: func(b *bench) []block {
			return []block{{name: "processes", open: func(later *cleanup) ([]row, error) { return costRows(b, later) }}}
		},
	}
}

// costly is a node on a quiet LAN, with a gateway that answers ARP and ping.
type costly struct{ *site }

func costRows(b *bench, later *cleanup) ([]row, error) {
	s, err := b.newSite(later, startNode, startPools("default"))
	if err != nil {
		return nil, err
	}
	if err := s.occupy([]netip.Addr{gateway.Addr()}, lab.Script{Echo: true}); err != nil {
		return nil, err
	}
	empty, missing := emptyProgram()
	c := costly{s}
	rows := []row{
		c.row("pve-iplease, nothing to do", nil, func() *exec.Cmd { return s.hook(startID+1, "post-start") }),
		c.row("pve-iplease, pre-start", c.stopped, func() *exec.Cmd { return s.hook(startID, "pre-start") }),
		c.row("pve-iplease, post-stop", c.started, func() *exec.Cmd { return s.hook(startID, "post-stop") }),
		c.row("an empty Go program", nil, command(empty)),
		c.row("/bin/true", nil, command("/bin/true")),
		c.peer("ping -c1", "ping", "-c1", "-q", gateway.Addr().String()),
		c.peer("perl -e 1", "perl", "-e", "1"),
		c.peer("perl, common modules", "perl", "-MPOSIX", "-MSocket", "-MIO::File", "-MIO::Socket", "-MFile::Path", "-MData::Dumper", "-MJSON::PP", "-e", "1"),
		c.peer("perl, PVE::LXC", "perl", "-MPVE::LXC", "-e", "1"),
	}
	rows[3].missing = missing
	if last := &rows[len(rows)-1]; last.missing == "" && exec.Command("perl", "-MPVE::LXC", "-e", "1").Run() != nil {
		last.missing = "missing: pve-container, of Proxmox"
	}
	return rows, nil
}

func command(argv ...string) func() *exec.Cmd {
	return func() *exec.Cmd { return exec.Command(argv[0], argv[1:]...) }
}

func (c costly) peer(label, name string, args ...string) row {
	path, missing := lookUp(name)
	r := c.row(label, nil, command(append([]string{path}, args...)...))
	r.missing = missing
	return r
}

// row measures a process twice: as it is, and for its memory. ready, which may
// be nil, makes what it finds.
func (c costly) row(label string, ready func() error, make func() *exec.Cmd) row {
	if ready == nil {
		ready = func() error { return nil }
	}
	return row{labels: []string{label}, measure: func(int) (sample, error) {
		if err := ready(); err != nil {
			return nil, err
		}
		cmd := make()
		s, err := c.run(cmd)
		if err != nil {
			return nil, err
		}
		if s.code != 0 {
			return nil, fmt.Errorf("exit status %d: %s", s.code, s.log)
		}
		if err := ready(); err != nil {
			return nil, err
		}
		kib, err := peak(c.node, make())
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(cmd.Path)
		if err != nil {
			return nil, err
		}
		return sample{"wall": ms(s.wall), "cpu": ms(s.cpu), "peak": kib / 1024, "size": float64(info.Size()) / (1 << 20)}, nil
	}}
}

// stopped makes a container that had an address before, as most have.
func (c costly) stopped() error {
	if err := c.started(); err != nil {
		return err
	}
	return c.ok(c.hook(startID, "post-stop"))
}

// started makes one whose lease is bound, in whatever state it was.
func (c costly) started() error {
	if _, err := c.tree.ReadCT(nodeName, startID); err != nil {
		if err := c.container(startID, "manual"); err != nil {
			return err
		}
	}
	return c.ok(c.hook(startID, "pre-start"))
}

// ok runs a command that is not measured.
func (s *site) ok(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.node.Run(cmd); err != nil {
		return fmt.Errorf("%v: %w: %s", cmd.Args, err, out.String())
	}
	return nil
}

// emptyProgram builds one that does nothing, as pve-iplease is built.
func emptyProgram() (path, missing string) {
	path, err := lab.BuildEmpty(scratch)
	if err != nil {
		return "", fmt.Sprintf("cannot be built: %v", err)
	}
	return path, ""
}
