// Command pve-iplease leases proven-free IP addresses to Proxmox VE
// containers. Proxmox calls it with a VMID and a phase, people with a command.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"pve-iplease/internal/cli"
	"pve-iplease/internal/hook"
)

// version is set when a release is built.
var version = "dev"

// The first thread does nothing but wait. The kernel gives it the signals
// (complete_signal in kernel/signal.c), and it could not take one while it hangs
// in a call to pmxcfs.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := hook.Signals(context.Background())
	call, ok, err := hook.ParseCall(os.Args[1:])
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "pve-iplease: error: %v\nusage: %s\n", err, hook.Synopsis)
		os.Exit(hook.Usage)
	case ok:
		os.Exit(hook.Main(ctx, call, version, os.Stdout, os.Stderr))
	}
	code := cli.Main(ctx, os.Args[1:], version, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
