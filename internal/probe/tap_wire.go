package probe

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// tapWire is the wire behind a temporary port: what is written to the tap
// device comes in at the port, and what the bridge sends there can be read.
type tapWire struct {
	file *os.File
	tag  uint16 // of the frames sent; 0 for none
	buf  [frameLength]byte
	row  int    // frames read without finding the queue empty
	full uint32 // times that so many were read as the queue holds
}

func newTapWire(file *os.File, tag uint16) *tapWire { return &tapWire{file: file, tag: tag} }

// hear implements hearer.
func (t *tapWire) hear(filter []bpf.RawInstruction) error {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = attachFilter(int(fd), filter) })
	return errors.Join(err, set)
}

// vlan implements hearer.
func (t *tapWire) vlan() uint16 { return t.tag }

// send implements wire.
func (t *tapWire) send(frame []byte) error {
	if t.tag != 0 {
		frame = tagged(frame, t.tag)
	}
	_, err := t.file.Write(frame)
	return err
}

// receive implements wire.
func (t *tapWire) receive(ctx context.Context, until time.Time) ([]byte, error) {
	if n, err := t.waiting(); n > 0 || err != nil {
		return untagged(t.buf[:n], t.tag), err
	}
	if !time.Now().Before(until) {
		return nil, os.ErrDeadlineExceeded
	}
	if err := t.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) })()
	n, err := t.file.Read(t.buf[:])
	if err != nil {
		return nil, err
	}
	return untagged(t.buf[:n], t.tag), nil
}

// waiting takes a frame that has already come, 0 bytes when there is none.
func (t *tapWire) waiting() (n int, err error) {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var got error
	err = raw.Control(func(fd uintptr) { n, got = unix.Read(int(fd), t.buf[:]) })
	if errors.Is(got, unix.EAGAIN) || errors.Is(got, unix.EINTR) {
		t.row = 0
		return 0, err
	}
	if t.row++; t.row >= tapQueue {
		t.row, t.full = 0, t.full+1
	}
	return max(n, 0), errors.Join(err, got)
}

// lost implements wire. The kernel counts what the filter keeps out among the
// drops, so they are told by what they leave: a queue that was full.
func (t *tapWire) lost() (uint32, error) {
	n := t.full
	t.full = 0
	return n, nil
}

// hushWire is the wire of a bridge into which nothing is plugged.
type hushWire struct{}

func (hushWire) send([]byte) error { return nil }

func (hushWire) receive(ctx context.Context, until time.Time) ([]byte, error) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(until)):
	}
	return nil, os.ErrDeadlineExceeded
}

func (hushWire) lost() (uint32, error) { return 0, nil }
