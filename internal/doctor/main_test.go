package doctor_test

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // checks name points in time
	os.Exit(m.Run())
}
