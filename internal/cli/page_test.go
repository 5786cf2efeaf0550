package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
)

// small is a host with a pool, a container and a conflict between configs.
func small(t testing.TB) (root string) {
	t.Helper()
	root = t.TempDir()
	conf := func(id int) (string, string) {
		return fmt.Sprintf("etc/pve/nodes/pve1/lxc/%d.conf", id), fmt.Sprintf("hostname: guest-with-a-rather-long-name\nonboot: 1\n"+
			"net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:%02d,ip=10.0.0.210/24\n", id-100)
	}
	files := map[string]string{"etc/pve/pve-iplease/pools.cfg": "pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.200-10.0.0.239\n"}
	for id := 101; id < 103; id++ {
		name, text := conf(id)
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nodes/pve1", filepath.Join(root, "etc/pve/local")); err != nil {
		t.Fatal(err)
	}
	return root
}

// call prepares a run of the program.
func call(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = program
	return cmd
}

// Whoever stops reading, like head, gets no complaint, and the exit code is
// that of the answer.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	root := small(t)
	for _, c := range []struct {
		args string
		code int
	}{{"status", 0}, {"pool list", 0}, {"whohas 101", 3}, {"audit --passive", 3}, {"rehearse --passive", 3}, {"doctor --output-format json", 1}, {"map", 0}, {"map --html -", 0}} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			defer func() { _ = w.Close() }()
			cmd := call(t, append([]string{"--root", root}, strings.Fields(c.args)...)...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &said
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != c.code || strings.Contains(said.String(), "pipe") {
				t.Errorf("exit code %d, want %d; it said:\n%s", code, c.code, said.String())
			}
		})
	}
}

// On a narrow terminal nothing is broken by its edge but what is to be pasted.
func TestNarrowTerminal(t *testing.T) {
	t.Parallel()
	root := small(t)
	const columns = 44
	for _, args := range []string{"status", "whohas 101", "audit --passive", "rehearse --passive", "doctor", "map"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := onTerminal(t, columns, call(t, append([]string{"--root", root}, strings.Fields(args)...)...))
			if got == "" {
				t.Error("it shows nothing")
			}
			for line := range strings.Lines(got) {
				line = colours.ReplaceAllString(strings.TrimRight(line, "\r\n"), "")
				if n := utf8.RuneCountInString(line); n > columns && strings.Contains(strings.TrimSpace(line), " ") && !strings.HasPrefix(line, "        ") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onTerminal runs a command on a terminal of its own and returns its screen.
func onTerminal(t *testing.T, columns uint16, cmd *exec.Cmd) string {
	t.Helper()
	lab.RequireDevice(t, "/dev/ptmx")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = master.Close() }()
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		lab.Missing(t, "terminal", err.Error())
	}
	cmd.Stdout = slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	screen, _ := io.ReadAll(master) // ends with EIO when the last writer is gone
	_ = cmd.Wait()
	return string(screen)
}
