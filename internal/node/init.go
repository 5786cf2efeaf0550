package node

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/pve"
)

// InitProcess finds the first process inside a running container, a child of
// its lxc-start in a network namespace of its own.
func (h *Host) InitProcess(id pve.VMID) (pid int, err error) {
	monitor, err := findStart(id)
	if err != nil {
		return 0, err
	}
	if monitor == 0 {
		return 0, fmt.Errorf("CT %s has no lxc-start", id)
	}
	outside, err := os.Readlink(procPath(monitor, "ns/net"))
	if err != nil {
		return 0, err
	}
	for _, child := range children(monitor) {
		if inside, err := os.Readlink(procPath(child, "ns/net")); err == nil && inside != outside {
			return child, nil
		}
	}
	return 0, fmt.Errorf("the lxc-start of CT %s, process %d, has no child in a network of its own", id, monitor)
}

// children are the processes that any thread of a process has started
// (proc_pid_children(5)).
func children(pid int) []int {
	threads, err := os.ReadDir(procPath(pid, "task"))
	if err != nil {
		return nil
	}
	var out []int
	for _, t := range threads {
		data, err := fastio.ReadFile(procPath(pid, "task/"+t.Name()+"/children"))
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(f); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}
