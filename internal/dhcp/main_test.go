package dhcp_test

import (
	"os"
	"testing"

	"pve-iplease/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
