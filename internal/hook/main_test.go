package hook_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// As in hookscript/main.go.
func init() { runtime.LockOSThread() }

// TestMain lets the test binary be other programs too, by the name that it is
// called by: so the race detector sees what Proxmox would start.
func TestMain(m *testing.M) {
	lab.Act()
	if play, ok := parts()[filepath.Base(os.Args[0])]; ok {
		os.Exit(play(os.Args[1:]))
	}
	// These tests wait for probe windows more than others do. A flag of the
	// command line comes later and wins.
	os.Args = slices.Insert(os.Args, 1, "-test.parallel="+together)
	os.Exit(lab.Main(m))
}

// The programs that the test binary can be.
const (
	program  = "pve-iplease"
	saboteur = "saboteur" // the hook, which kills itself at a certain step
	worker   = "worker"   // a Proxmox task that waits for its hook
	unprobed = "unprobed" // starts a program that may not open packet sockets
	mute     = "mute"     // starts a program without standard streams
	keeper   = "keeper"   // holds a file's lock until its standard input ends
	commands = "commands" // what administrators call
	// the hook on a node that doesn't know its own addresses
	estranged = "estranged"

	monitorPart = "lxc-start" // what a running container hangs on
)

func parts() map[string]func(args []string) int {
	return map[string]func([]string) int{
		program: playHook, saboteur: playSaboteur, worker: playWorker,
		unprobed: playUnprobed, mute: playMute, keeper: playKeeper,
		commands: playCommands, monitorPart: playMonitor, estranged: playEstranged,
	}
}

// playHook is hookscript/main.go as far as Proxmox calls it.
func playHook(args []string) int {
	ctx, stop := hook.Signals(context.Background())
	defer stop()
	call, ok, err := hook.ParseCall(args)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "pve-iplease: error: %v\nusage: %s\n", err, hook.Synopsis)
		return hook.Usage
	case ok:
		return hook.Main(ctx, call, "test", os.Stdout, os.Stderr)
	}
	fmt.Fprintln(os.Stderr, "not a call of the hook")
	return hook.Usage
}
