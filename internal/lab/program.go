package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Build builds a Go program as ours is shipped, static and without symbols, from
// the source or package in dir, which may be empty for the present directory.
func Build(file, dir, source string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, source)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", source, err, out)
	}
	return nil
}

// BuildEmpty builds a program that does nothing: what it costs is the machine's
// and Go's.
func BuildEmpty(dir string) (file string, err error) {
	if err := os.WriteFile(filepath.Join(dir, "empty.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "empty")
	return file, Build(file, dir, "empty.go")
}

// CopyProgram brings a program along to where Isolate's caller has put a file
// system of its own, which may hide where it was.
func CopyProgram(to string, from io.Reader) error {
	// A child that is forked meanwhile would keep it open for writing until its
	// own exec, and nobody could run it (execve(2), ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, from); err != nil {
		return err
	}
	return out.Close()
}

// InstallProgram puts the running program under another name, by which the kernel
// knows a process that runs it; nothing is done if it is there already.
func InstallProgram(as string) error {
	self, err := os.Executable()
	if err == nil {
		err = os.Link(self, as)
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	in, err := os.Open("/proc/self/exe") // on another file system, hidden by a mount, or seen from a chroot
	if err != nil {
		return err
	}
	defer in.Close()
	// Whole or not at all: others install it at the same time.
	half := fmt.Sprintf("%s.%x", as, rand.Uint64())
	if err := CopyProgram(half, in); err != nil {
		return err
	}
	return os.Rename(half, as)
}
