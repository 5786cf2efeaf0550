package report

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDeliverShortensWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	var sizes []int
	deliver(Record{Message: strings.Repeat("x", 1<<20)}, func(d []byte) error {
		sizes = append(sizes, len(d))
		if len(d) > 2000 {
			return unix.EMSGSIZE
		}
		return nil
	})
	if n := len(sizes); n != 3 || sizes[n-1] > 2000 || sizes[n-1] < 1000 {
		t.Errorf("datagrams of %v bytes", sizes)
	}
}

func TestDeliverGivesUp(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{unix.EMSGSIZE: 5, unix.EAGAIN: 1, unix.ECONNREFUSED: 1} {
		tries := 0
		deliver(Record{Message: strings.Repeat("x", 1<<20)}, func([]byte) error { tries++; return err })
		if tries != want {
			t.Errorf("%v: %d tries, want %d", err, tries, want)
		}
	}
}
