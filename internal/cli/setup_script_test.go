package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestSetupScript runs the scripts of setup. Beside those of TestEvidenceScript
// they may use:
//
//	address CIDR [GATEWAY]  give the node's vmbr0 an address, and a default route
//	talk FILE ARG...        run the program on a terminal of 80 columns; in the
//	                        file "? TEXT" waits until it has said that, "> TEXT"
//	                        types an answer, "^C" interrupts; stdout is the screen
//	pictured COMMAND FILE   what the README shows under the command is in the
//	                        file, line by line; "..." stands for some lines
func TestSetupScript(t *testing.T) {
	t.Parallel()
	p := stationParams(t, "testdata/setup")
	p.Cmds["pveproxy"] = startDaemon
	for name, f := range map[string]func(*script, bool, []string){"address": (*script).address, "talk": (*script).talk, "pictured": (*script).pictured} {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := ts.Value(stateKey{}).(*script)
			s.TestScript = ts
			f(s, neg, args)
		}
	}
	testscript.Run(t, p)
}

func (s *script) address(_ bool, args []string) {
	s.Check(s.node.AddAddr("vmbr0", netip.MustParsePrefix(args[0])))
	if len(args) > 1 {
		s.Check(s.node.Do(func() error { return netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(args[1])}) }))
	}
}

func (s *script) talk(neg bool, args []string) {
	self, err := os.Executable()
	s.Check(err)
	screen, line, err := openTerminal()
	s.Check(err)
	defer func() { _ = screen.Close() }()
	cmd := exec.Command(self, args[1:]...)
	cmd.Args[0] = program
	cmd.Dir = s.MkAbs(".")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.Check(s.node.Start(cmd))
	s.Check(line.Close())
	said := &transcript{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		said.follow(screen)
	}()
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	seen := 0
	for step := range strings.Lines(s.ReadFile(args[0])) {
		word, text, _ := strings.Cut(strings.TrimSuffix(step, "\n"), " ")
		switch word {
		case "?":
			seen = said.await(text, seen, read)
		case ">":
			fmt.Fprintln(screen, text)
		case "^C":
			fmt.Fprint(screen, "\x03")
		}
	}
	_ = cmd.Wait()
	stuck.Stop()
	<-read
	_, err = s.Stdout().Write([]byte(strings.ReplaceAll(said.String(), "\r\n", "\n")))
	s.Check(err)
	s.code = cmd.ProcessState.ExitCode()
	if neg != (s.code != 0) {
		s.Fatalf("the program exited with %d:\n%s", s.code, said.String())
	}
}

func (s *script) pictured(_ bool, args []string) {
	readme, err := os.ReadFile(filepath.Join(s.Value(stationKey{}).(*station).home, "../../README.md"))
	s.Check(err)
	_, shown, found := strings.Cut(string(readme), "\n    # "+args[0]+"\n")
	if !found {
		s.Fatalf("the README shows no %q", args[0])
	}
	screen := s.ReadFile(args[1])
	for line := range strings.Lines(shown) {
		text, code := strings.CutPrefix(line, "    ")
		switch {
		case line == "\n" || text == "...\n":
			continue
		case !code || strings.HasPrefix(text, "# "):
			return
		}
		_, after, ok := strings.Cut("\n"+screen, "\n"+strings.TrimRight(text, "\n"))
		if !ok {
			s.Fatalf("the README shows %q, and the program says:\n%s", text, s.ReadFile(args[1]))
		}
		screen = after
	}
}

// openTerminal makes a pseudo-terminal: what a person sees and types, and the
// program's end.
func openTerminal() (screen, line *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	return screen, line, err
}

// transcript is what was on the screen so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) follow(f *os.File) {
	var b [4096]byte
	for {
		n, err := f.Read(b[:])
		t.mu.Lock()
		t.text.Write(b[:n])
		t.mu.Unlock()
		if err != nil {
			return // EIO when the program has ended
		}
	}
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// await waits until the text stands on the screen, behind what was seen
// before, or nothing more can come.
func (t *transcript) await(text string, seen int, over <-chan struct{}) int {
	for {
		if i := strings.Index(t.String()[seen:], text); i >= 0 {
			return seen + i + len(text)
		}
		select {
		case <-over:
			return len(t.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
