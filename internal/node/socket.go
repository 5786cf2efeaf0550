package node

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/pve"
)

// Running is RunState without the search for a container that is stopping.
func (h *Host) Running(id pve.VMID) (bool, error) {
	listens, err := rootListens("@/var/lib/lxc/" + id.String() + "/command")
	if errors.Is(err, unix.EAGAIN) { // more callers wait than it lets in: its process tells
		pid, err := findStart(id)
		return pid != 0, err
	}
	if err != nil {
		return false, fmt.Errorf("whether CT %s runs cannot be told: its command socket: %w", id, err)
	}
	return listens, nil
}

// rootListens reports whether a socket that root made listens under an abstract
// name, of our thread's network namespace: any process in there may bind it, and
// one that contains it, and /proc/net/unix, where Proxmox looks, shows names as
// they are, line breaks included. The kernel keeps who began to listen (unix(7),
// SO_PEERCRED). To LXC a caller that says nothing is one that has gone again.
// EAGAIN: somebody listens, and can't be asked now.
func rootListens(name string) (bool, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: name})
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EPROTOTYPE) {
		return false, nil // nobody listens, or on a socket of another type than LXC's
	}
	if err != nil {
		return false, err
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return false, err
	}
	return believed(int(peer.Uid)), nil
}

// believed reports whether what a user's process says of itself counts: root's,
// and our own where we aren't root.
func believed(uid int) bool { return uid == 0 || uid == os.Geteuid() }
