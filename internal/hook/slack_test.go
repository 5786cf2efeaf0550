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

// What an administrator's programs do is not to be late for our crowd.
func TestProgramsKeepTheirTimers(t *testing.T) {
	t.Cleanup(func() { slacken(usualSlack) })
	slacken(3 * time.Millisecond)
	var got []string
	err := runGroup(t.Context(), "/bin/cat", []string{"/proc/self/timerslack_ns"}, nil, func(line string) { got = append(got, strings.TrimSpace(line)) })
	if err != nil || len(got) != 1 || got[0] != "50000" {
		t.Errorf("%q, %v", got, err)
	}
}
