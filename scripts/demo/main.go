// Command demo shows what pve-iplease does on a network made of namespaces,
// with a scratch Proxmox node and the real program as its hookscript. It
// touches neither the host's network nor its files, and whatever ends it,
// nothing of it stays behind.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

func main() {
	lab.Act() // in the children that play Proxmox
	program, err := os.Open("bin/pve-iplease")
	if err != nil {
		fail(fmt.Errorf("%w; run 'make demo', which builds it", err))
	}
	status, inside, err := lab.Isolate()
	if err != nil {
		fail(err)
	}
	if !inside {
		os.Exit(status)
	}
	if err := run(program); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "demo:", err)
	os.Exit(1)
}

// scratch is where the files of the demo are: a file system in memory that
// only this process and its children see, and that goes when they do.
const scratch = "/mnt"

func run(program *os.File) error {
	if err := unix.Mount("demo", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("a scratch file system on %s: %w", scratch, err)
	}
	copied := scratch + "/pve-iplease"
	if err := lab.CopyProgram(copied, program); err != nil {
		return err
	}
	w, err := newWorld(copied)
	if err != nil {
		return err
	}
	defer w.close()
	s := story{world: w, screen: newScreen(os.Stdout)}
	return s.tell()
}
