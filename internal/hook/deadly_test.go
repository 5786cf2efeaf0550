package hook_test

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trap is a system call at which the process ends, as by SIGKILL, before the
// kernel does anything for it.
type trap struct {
	name    string
	after   []string // the steps of a start that come by it
	fresh   bool     // only where there was no ledger
	numbers []uint32
	arg     uint32 // which argument tells, if bits or over is set
	bits    uint32 // of the argument, all of which must be set
	over    uint32 // the argument must be over this
}

// deadly are the system calls that a file is written with.
func deadly() []trap {
	const change, store, learn = "before the ledger's change", "after the decision", "before learning the gateway"
	const write, put = "before writing the config ahead", "before putting the config in place"
	return []trap{
		{name: "creating the ledger's directory", after: []string{change}, fresh: true, numbers: []uint32{unix.SYS_MKDIRAT}},
		{name: "creating a new ledger", after: []string{change}, fresh: true, numbers: []uint32{unix.SYS_OPENAT}, arg: 2, bits: unix.O_CREAT | unix.O_EXCL},
		{name: "putting a new ledger in its place", after: []string{change}, fresh: true, numbers: []uint32{unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2}},
		{name: "remembering a ledger", after: []string{change}, fresh: true, numbers: []uint32{unix.SYS_OPENAT}, arg: 2, bits: unix.O_CREAT | unix.O_APPEND},
		{name: "creating a temporary file", after: []string{store, write}, numbers: []uint32{unix.SYS_OPENAT}, arg: 2, bits: unix.O_CREAT | unix.O_EXCL},
		{name: "writing a file", after: []string{store, write}, numbers: []uint32{unix.SYS_WRITE}, arg: 2, over: 100},
		{name: "syncing a file", after: []string{store, write}, numbers: []uint32{unix.SYS_FSYNC}},
		{name: "renaming", after: []string{store, learn, put}, numbers: []uint32{unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2}},
		{name: "unlocking", after: []string{change, store}, numbers: []uint32{unix.SYS_FLOCK}, arg: 1, bits: unix.LOCK_UN},
	}
}

// arm makes the kernel watch every thread (seccomp(2)).
func (t trap) arm() error {
	prog := t.program()
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// program reads struct seccomp_data: the number, the architecture, the
// instruction pointer, six arguments of 64 bits (linux/seccomp.h).
func (t trap) program() []unix.SockFilter {
	var p []unix.SockFilter
	load := func(offset uint32) {
		p = append(p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
	}
	ends := func(how uint32) { p = append(p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: how}) }
	// unless skips what follows up to the next allowing return.
	unless := func(test uint16, k uint32) {
		p = append(p,
			unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: 1, K: k},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	load(0)
	for i, n := range t.numbers {
		p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(t.numbers) - i), K: n})
	}
	ends(unix.SECCOMP_RET_ALLOW)
	switch {
	case t.bits != 0:
		load(16 + 8*t.arg) // the low half, on a little-endian machine
		p = append(p, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: t.bits})
		unless(unix.BPF_JEQ, t.bits)
	case t.over != 0:
		load(16 + 8*t.arg)
		unless(unix.BPF_JGT, t.over)
	}
	ends(unix.SECCOMP_RET_KILL_PROCESS)
	return p
}
