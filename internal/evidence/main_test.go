package evidence_test

import (
	"os"
	"testing"
	"time"

	"pve-iplease/internal/lab"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // verdicts name points in time
	os.Exit(lab.Main(m))
}
