package lab

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// missingEnv carries from Main to Require why there is no lab.
const missingEnv = "PVE_IPLEASE_LAB_MISSING"

// parallel is how many tests run side by side.
const parallel = "8"

// Main runs a package's tests where they cannot reach the host's network; it
// belongs in TestMain: os.Exit(lab.Main(m)). Where the rights for that are
// missing the tests run too, and Require skips those that need them. A test
// binary that plays another program, in a child with an environment of its
// own, must do so before it calls Main. The processes of a Proxmox are played here.
func Main(m *testing.M) int {
	Act()
	status, inside, err := Isolate()
	if err != nil {
		err = os.Setenv(missingEnv, err.Error())
	} else if !inside {
		return status
	}
	// The tests wait for the network, not for the processor. The command
	// line's -parallel still wins: it has not been read yet.
	if err := errors.Join(err, flag.Set("test.parallel", parallel)); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return m.Run()
}

// Require skips a test that needs namespaces when there is no lab, and fails
// it where CI=true promises one.
func Require(t testing.TB) {
	t.Helper()
	here, err := os.Readlink("/proc/self/ns/net")
	host, why := os.Getenv(hostEnv), os.Getenv(missingEnv)
	if err != nil || why != "" || host == "" || host == here {
		Missing(t, "network lab", cmp.Or(why, "TestMain does not call lab.Main"))
	}
}

// RequireFUSE is Require for a test that mounts file systems of its own.
func RequireFUSE(t testing.TB) {
	t.Helper()
	Require(t)
	RequireDevice(t, "/dev/fuse")
}

// RequireDevice skips a test without a device that may be opened.
func RequireDevice(t testing.TB, path string) {
	t.Helper()
	dev, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		Missing(t, path, err.Error())
	}
	_ = dev.Close()
}

// RequireOwners is Require for a test that gives files to others: in a user
// namespace of ours there is nobody else.
func RequireOwners(t testing.TB) {
	t.Helper()
	Require(t)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err == nil {
		err = errors.Join(f.Chown(1, 1), f.Close())
	}
	if err != nil {
		Missing(t, "other users", err.Error())
	}
}

// RequireProgram finds a program that a test runs beside ours, and skips the
// test without it.
func RequireProgram(t testing.TB, name string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, "it is not installed")
	}
	return path
}

// Missing skips a test, or fails it where nothing may be missing.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s, but CI=true: %s", what, why)
	}
	t.Skipf("no %s: %s", what, why)
}
