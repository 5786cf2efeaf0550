package node

import (
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/pve"
)

// startCommand is the process that a running container hangs on.
const startCommand = "lxc-start"

// findStart finds the lxc-start of a container in our network namespace, so
// that scratch hosts on one machine do not see each other; 0 if there is
// none. Where Proxmox puts the process among the control groups differs by
// version and changes as it ends, so all processes are asked, and at once.
func findStart(id pve.VMID) (int, error) {
	proc, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(proc) }()
	names, err := fastio.NamesOf(proc, "/proc")
	if err != nil {
		return 0, err
	}
	home, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return 0, err
	}
	for _, pid := range named(proc, names) {
		if !startsContainer(pid, id) {
			continue
		}
		// One that we may not look into is another user's: not of this host.
		if ns, err := os.Readlink(procPath(pid, "ns/net")); err == nil && ns == home {
			return pid, nil
		}
	}
	return 0, nil
}

// startsContainer asks a process for its command line. A program may have any
// name and arguments: only root's is believed, started as Proxmox does or in the
// container's control groups.
func startsContainer(pid int, id pve.VMID) bool {
	data, err := fastio.ReadFile(procPath(pid, "cmdline"))
	args := arguments(data)
	if err != nil || !isStart(args, id) || !ofRoot(pid) {
		return false
	}
	if asProxmox(args, id) {
		return true
	}
	groups, err := fastio.ReadFile(procPath(pid, "cgroup"))
	return err == nil && inUnit(string(groups), id)
}

// ofRoot reports whether root started a process, and it is root's still: one
// that is set to user id root is its caller's. Who owns its directory in /proc
// tells less: root does of every process that must not be dumped.
func ofRoot(pid int) bool {
	status, err := fastio.ReadFile(procPath(pid, "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			return rootIDs(strings.Fields(ids))
		}
	}
	return false
}

// rootIDs judges the real, the effective, the saved and the file system's user
// id (proc_pid_status(5)).
func rootIDs(ids []string) bool {
	return len(ids) == 4 && !slices.ContainsFunc(ids, func(s string) bool {
		uid, err := strconv.Atoi(s)
		return err != nil || !believed(uid)
	})
}

// named picks the processes whose program is lxc-start. Reading that link never
// waits for the process, as reading a command line may when it hangs in the
// kernel, and takes one system call; it is what a scan spends its time on, so
// several do it.
func named(proc int, names []string) []int {
	workers := min(runtime.GOMAXPROCS(0), 4)
	found := make([][]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			buf := make([]byte, unix.PathMax)
			for i := w; i < len(names); i += workers {
				if pid, err := strconv.Atoi(names[i]); err == nil && runs(proc, names[i], buf) {
					found[w] = append(found[w], pid)
				}
			}
		})
	}
	wg.Wait()
	return slices.Concat(found...)
}

// runs reports whether a process runs lxc-start, one that was replaced since by
// a newer version too (proc_pid_exe(5)). The kernel's own threads run nothing,
// and who is gone neither.
func runs(proc int, pid string, buf []byte) bool {
	n, err := unix.Readlinkat(proc, pid+"/exe", buf)
	if err != nil {
		return false
	}
	program := strings.TrimSuffix(string(buf[:n]), " (deleted)")
	return path.Base(program) == startCommand
}
