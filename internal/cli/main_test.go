package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pve-iplease/internal/cli"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/pveapi/web"
)

// program is the name under which this test binary is the program itself; as
// pveapi.Program it is the other one.
const program = "pve-iplease"

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case program:
		os.Exit(run(os.Args[1:]))
	case pveapi.Program:
		os.Exit(web.Main(os.Args[1:], "1.2.3", os.Stdin, os.Stdout, os.Stderr))
	}
	// The program refuses configuration that others can write.
	syscall.Umask(0o022)
	if err := beside(pveapi.Program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(lab.Main(m))
}

// beside gives this test binary a second name, which go test removes with it.
func beside(name string) error {
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(filepath.Dir(self), name))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
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
