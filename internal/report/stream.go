package report

import (
	"os"
	"syscall"
)

// stream writes to a file's descriptor itself.
type stream struct{ file *os.File }

// Write makes one write call and repeats it only for what did not fit.
func (s stream) Write(p []byte) (int, error) {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	done := 0
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for done < len(p) {
			n, err := syscall.Write(int(fd), p[done:])
			switch {
			case err == syscall.EINTR:
			case err == syscall.EAGAIN:
				return false // wait until the reader has made room
			case err != nil:
				failed = err
				return true
			}
			done += max(0, n)
		}
		return true
	})
	if failed != nil {
		err = failed
	}
	return done, err
}
