package pmxcfs

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Serve mounts a file system and answers the kernel until it is unmounted. It
// returns when the first questions are answered.
//
// The mount is made here because go-fuse opens /dev/fuse for all children to
// inherit: a child would keep the connection open when the server is killed,
// and wait for an answer for ever.
func Serve(fs fuse.RawFileSystem, dir string, defaultPermissions bool) (*fuse.Server, error) {
	const maxMessage = 128 << 10 // libfuse 2's
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/fuse: %w", err)
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,max_read=%d,allow_other", fd, os.Geteuid(), os.Getegid(), maxMessage)
	if defaultPermissions {
		data += ",default_permissions"
	}
	if err := unix.Mount("pmxcfs", dir, "fuse.pmxcfs", unix.MS_NOSUID|unix.MS_NODEV, data); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	server, err := fuse.NewServer(fs, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{
		MaxWrite:           maxMessage,
		DisableReadDirPlus: true,
		Logger:             log.New(io.Discard, "", 0), // it mentions each call that isn't there
	})
	if err != nil {
		return nil, errors.Join(err, unix.Unmount(dir, unix.MNT_DETACH))
	}
	go server.Serve()
	return server, errors.Join(server.WaitMount(), refusePoll(dir))
}

// refusePoll has the kernel ask once whether files can be polled: the answer
// is no, for the whole mount. A file that this process opened before that
// would lock up the Go runtime. go-fuse answers for a file of this name, but
// doesn't know where it is mounted.
func refusePoll(dir string) error {
	fd, err := unix.Open(filepath.Join(dir, ".go-fuse-epoll-hack"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return unix.Close(fd)
}
