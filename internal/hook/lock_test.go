package hook_test

import (
	"bufio"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"pve-iplease/internal/hook"
)

// lock makes another process hold Proxmox's lock on a container's config.
func (h *host) lock(id string) (release func()) {
	h.t.Helper()
	return h.keep("/run/lock/lxc/pve-config-" + id + ".lock")
}

// keep makes another process hold the lock on a file.
func (h *host) keep(path string) (release func()) {
	h.t.Helper()
	cmd := h.command(keeper, h.path(path))
	in, err := cmd.StdinPipe()
	h.Must(err)
	out, err := cmd.StdoutPipe()
	h.Must(err)
	h.Must(h.node.Start(cmd))
	_, err = bufio.NewReader(out).ReadString('\n')
	h.Must(err)
	return func() { _ = in.Close(); _ = cmd.Wait() }
}

func TestConfigLockedByAStrangerFailsTheStart(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	release := h.lock("101")
	t.Cleanup(release)
	h.start(101).exits(hook.Locked).says("error: CT 101: guest config is locked by process ", keeper, "try again")
	h.has(ct{id: 101, ip: "manual"})
	h.records()
}

func TestConfigLockedForAMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	release := h.lock("101")
	time.AfterFunc(300*time.Millisecond, release)
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
}

func TestConfigLockedByTheTaskThatCallsIsReliedUpon(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	file, err := os.Create(h.path("/run/lock/lxc/pve-config-101.lock"))
	h.Must(err)
	defer file.Close()
	h.Must(syscall.Flock(int(file.Fd()), syscall.LOCK_EX)) // by this process, which is the hook's parent
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
}

// While a hook probes nobody else can change the guest.
func TestConfigIsLockedWhileAHookWithoutATaskWorks(t *testing.T) {
	t.Parallel()
	h := newHost(t, patient)
	ear := h.ear("10.0.0.200")
	h.put(ct{id: 101, ip: "manual"})
	r := h.launch(h.command(program, h.call(101, "pre-start")...))
	h.asked(ear, "10.0.0.200")
	file, err := os.OpenFile(h.path("/run/lock/lxc/pve-config-101.lock"), os.O_RDWR, 0)
	h.Must(err)
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("the config's lock was free: %v", err)
	}
	r.wait().exits(hook.OK)
	h.Must(syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
}
