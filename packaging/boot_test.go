//go:build deb

package packaging_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a system that runs: systemd is its first process, in namespaces
// and a cgroup of its own.
type machine struct {
	pid    int
	keeper *exec.Cmd
	alive  io.Closer // what the keeper waits for the end of
}

// firmware makes a system's root that of everything and gives it what systemd
// finds in a container (https://systemd.io/CONTAINER_INTERFACE/): of the
// kernel's settings only those of its own network can be changed.
const firmware = `
cd "$1"
mount -t proc proc proc
mount --bind proc/sys/net proc/sys/net
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=755 dev dev
mkdir dev/net dev/pts dev/shm
for device in null zero full random urandom net/tun; do
	: >dev/$device
	mount --bind /dev/$device dev/$device
done
pivot_root . mnt
exec env -i container=test /bin/sh -ec '/bin/umount -l /mnt; exec /lib/systemd/systemd'
`

// keep waits until its input ends, however this test does, and takes away a
// cgroup with all that runs in it.
const keep = `
read -r _ || :
echo 1 >cgroup.kill
while ! grep -qx 'populated 0' cgroup.events; do sleep 0.05; done
find . -mindepth 1 -depth -type d -exec rmdir {} +
cd / && rmdir "$1"
`

// boot starts the system, and waits until it has started all that it starts.
func (s *system) boot(bool, []string) {
	group, err := s.newGroup()
	s.Check(err)
	dir, err := os.Open(group)
	s.Check(err)
	defer func() { _ = dir.Close() }()
	cmd := exec.Command("unshare", "--cgroup", "/bin/sh", "-ec", firmware, "firmware", s.root)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC, UseCgroupFD: true, CgroupFD: int(dir.Fd()),
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	s.Check(s.node.Start(cmd))
	s.machine.pid = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range 600 {
		// Degraded is what misses a device that no container has.
		out, _ := s.inside("systemctl", "is-system-running", "--wait").Output()
		if state := string(out); state == "running\n" || state == "degraded\n" {
			return
		}
		select {
		case err := <-ended:
			s.Fatalf("systemd has ended: %v\n%s", err, said.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	s.Fatalf("systemd does not come up")
}

// newGroup makes the system's cgroup, which its keeper removes.
func (s *system) newGroup() (string, error) {
	groups := filepath.Join(s.layer, "cgroup")
	if err := os.Mkdir(groups, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount("cgroup2", groups, "cgroup2", 0, ""); err != nil {
		return "", err
	}
	group, err := os.MkdirTemp(groups, "pve-iplease-test-")
	if err != nil {
		return "", err
	}
	keeper := exec.Command("/bin/sh", "-ec", keep, "keep", group)
	keeper.Dir, keeper.Stderr = group, os.Stderr
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a signal to all of the test is none to it
	alive, err := keeper.StdinPipe()
	if err == nil {
		err = keeper.Start()
	}
	if err != nil {
		return "", err
	}
	s.machine = &machine{keeper: keeper, alive: alive}
	return group, nil
}

// off ends the machine, as if its plug was pulled.
func (m *machine) off() error {
	if m == nil {
		return nil
	}
	_ = m.alive.Close()
	return m.keeper.Wait()
}

// inside is a command that runs on the system while it does.
func (s *system) inside(args ...string) *exec.Cmd {
	pid := strconv.Itoa(s.machine.pid)
	cmd := exec.Command("nsenter", append([]string{"--target", pid, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd"}, args...)...)
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C", "SYSTEMD_PAGER=cat"}
	return cmd
}

func (s *system) booted(neg bool, args []string) { s.run(neg, s.inside(args...)) }
