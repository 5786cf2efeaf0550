package hook

import (
	"os"
	"strings"
	"testing"
	"time"
)

// All threads are told, and take it.
func TestSlacken(t *testing.T) {
	t.Cleanup(func() { slacken(usualSlack) })
	for slack, want := range map[time.Duration]string{3 * time.Millisecond: "3000000", usualSlack: "50000"} {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		slacken(slack)
		for _, thread := range threads {
			got, err := os.ReadFile("/proc/" + thread.Name() + "/timerslack_ns")
			if err == nil && strings.TrimSpace(string(got)) != want { // a thread may have ended
				t.Errorf("thread %s: %s, want %s", thread.Name(), got, want)
			}
		}
	}
}
