package lab

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
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
	switch {
	case err == nil && why == "" && host != "" && host != here:
	case os.Getenv("CI") == "true":
		t.Fatalf("no network lab, but CI=true: %s", cmp.Or(why, "TestMain does not call lab.Main"))
	default:
		t.Skipf("no network lab: %s", cmp.Or(why, "TestMain does not call lab.Main"))
	}
}
