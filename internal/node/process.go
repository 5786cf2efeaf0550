package node

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/fastio"
)

// procStat is what matters of /proc/<pid>/stat.
type procStat struct {
	parent int
	start  time.Duration // since boot, in steps of tick
}

// parseStat reads fields 4 and 22 (proc_pid_stat(5)). The command's name, in
// parentheses, may itself hold blanks and parentheses, so count from its end.
func parseStat(data []byte) (procStat, bool) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return procStat{}, false
	}
	f := strings.Fields(string(data[end+1:]))
	if len(f) < 20 {
		return procStat{}, false
	}
	parent, err1 := strconv.Atoi(f[1])
	ticks, err2 := strconv.ParseInt(f[19], 10, 48)
	ok := err1 == nil && err2 == nil && parent >= 0 && ticks >= 0
	return procStat{parent, time.Duration(ticks) * tick}, ok
}

func statOf(pid int) (procStat, bool) {
	data, err := fastio.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return procStat{}, false
	}
	return parseStat(data)
}

// ancestors are the parent of a process, its parent, and so on. The bound
// ends a walk that a reused process id has led in a circle.
func ancestors(pid int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for range 256 {
			st, ok := statOf(pid)
			if !ok || st.parent == 0 || !yield(st.parent) {
				return
			}
			pid = st.parent
		}
	}
}

// arguments splits /proc/<pid>/cmdline. A zombie has none.
func arguments(data []byte) []string {
	text := strings.TrimRight(string(data), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

// commandLine is a process's command for a message: quoted, since a process
// chooses it itself, and not long. A Proxmox worker's reads "task UPID:…".
func commandLine(pid int) string {
	data, err := fastio.ReadFile(procPath(pid, "cmdline"))
	args := arguments(data)
	if err != nil || args == nil {
		return "already gone"
	}
	text := []rune(strings.Join(args, " "))
	if len(text) > 100 {
		text = append(text[:99], '…')
	}
	return strconv.Quote(string(text))
}

func procPath(pid int, file string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + file
}
