package probe_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// holderEnv makes the test binary a process that holds a port in VLAN 20 of
// the bridge named, until it is killed.
const holderEnv = "PROBE_TEST_HOLDS"

func TestMain(m *testing.M) {
	if bridge := os.Getenv(holderEnv); bridge != "" {
		port, err := probe.Open(probe.Place{Bridge: bridge, Tag: 20}, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("open")
		for {
			time.Sleep(time.Hour)
			runtime.KeepAlive(port)
		}
	}
	os.Exit(lab.Main(m))
}
