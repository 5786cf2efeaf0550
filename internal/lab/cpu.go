package lab

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPU reports beside a benchmark's time how much of the processor's time the
// loop took, on all cores and in the kernel: on a busy machine that says more.
// Call what it returns after the loop.
func CPU(b *testing.B) (report func()) {
	before := spent()
	return func() { b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op") }
}

func spent() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
