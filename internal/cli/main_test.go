package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pve-iplease/internal/cli"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// program is the name under which this test binary is the program itself.
const program = "pve-iplease"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == program {
		os.Exit(run(os.Args[1:]))
	}
	// The program refuses configuration that others can write.
	syscall.Umask(0o022)
	os.Exit(lab.Main(m))
}

// run does what the program's main does.
func run(args []string) int {
	ctx, stop := hook.Signals(context.Background())
	defer stop()
	if call, ok, _ := hook.ParseCall(args); ok {
		return hook.Main(ctx, call, "1.2.3", os.Stdout, os.Stderr)
	}
	return cli.Main(ctx, args, "1.2.3", os.Stdout, os.Stderr)
}
