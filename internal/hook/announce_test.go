package hook_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/hook"
	"pve-iplease/internal/lab"
)

// playMonitor is lxc-start: it has a child in the network of the process that
// its last argument names, and lives as long as that.
func playMonitor(args []string) int {
	runtime.LockOSThread()
	ns, err := os.Open("/proc/" + args[len(args)-1] + "/ns/net")
	if err != nil {
		return fail(err)
	}
	self, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fail(err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fail(err)
	}
	child := exec.Command("sleep", "600")
	err = child.Start()
	if back := unix.Setns(int(self.Fd()), unix.CLONE_NEWNET); err != nil || back != nil {
		return fail(fmt.Errorf("%v, %v", err, back))
	}
	fmt.Println("up")
	_ = child.Wait()
	return 0
}

// lives lets a container's guest live on the host, with a process inside.
func (h *host) lives(g *lab.Host) {
	h.t.Helper()
	inside := exec.Command("sleep", "600")
	h.Must(g.Start(inside))
	h.Must(lab.InstallProgram(filepath.Join(h.bin, monitorPart)))
	monitor := h.command(monitorPart, "-F", "-n", "101", fmt.Sprint(inside.Process.Pid))
	monitor.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	out, err := monitor.StdoutPipe()
	h.Must(err)
	h.Must(h.node.Start(monitor))
	h.t.Cleanup(func() {
		_ = unix.Kill(-monitor.Process.Pid, unix.SIGKILL)
		_ = inside.Process.Kill()
		_ = monitor.Wait()
		_ = inside.Wait()
	})
	if n, err := out.Read(make([]byte, 2)); n != 2 {
		h.t.Fatal(err)
	}
}

// A neighbour that knows the address from somebody else finds the guest at
// once, and where nobody had the address nothing is announced.
func TestPostStartAnnouncesAnAddressThatChangedHands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pools string
		told  bool
		late  bool // eth0 comes up 0.2 s after the start has returned, as a guest's does
	}{"as by default": {dual, true, false}, "up later": {dual, true, true}, "announce no": {dual + "\tannounce no\n", false, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, c.pools+"\thold 0s\n")
			neighbour := h.sixth("10.0.0.2/24", "2001:db8::2/64")
			four, six := netip.MustParseAddr("10.0.0.200"), netip.MustParseAddr("2001:db8::200")
			// The guest that had both is gone, and this node remembers it.
			h.write("/var/lib/pve-iplease/history.jsonl", fmt.Sprintf("{\"address\":\"%s\",\"mac\":\"%s\",\"event\":\"released\"}\n{\"address\":\"%s\",\"mac\":\"%s\",\"event\":\"released\"}\n",
				four, macOf(150), six, macOf(150)))
			h.write(h.confPath(101), both(101, ""))
			h.start(101).exits(hook.OK).says("10.0.0.200/24").says("2001:db8::200/64")
			guest, err := h.node.Plug("vmbr0", lab.GuestPort(101, 0), macOf(101))
			h.Must(err)
			t.Cleanup(func() { _ = guest.Close() })
			h.Must(guest.Configure(netip.PrefixFrom(four, 24), netip.Addr{}))
			h.Must(guest.AddAddr("eth0", netip.PrefixFrom(six, 64)))
			h.Must(neighbour.Believe(four, macOf(150)))
			h.Must(neighbour.Believe(six, macOf(150)))
			h.lives(guest)
			h.Must(guest.SetUp("eth0", !c.late))
			run := h.launch(h.command(program, h.call(101, "post-start")...))
			if c.late {
				time.Sleep(200 * time.Millisecond)
				h.Must(guest.SetUp("eth0", true))
			}
			res := run.wait().exits(hook.OK)
			if !c.told {
				res.omits("pve-iplease")
				return
			}
			res.says("CT 101: told the network that 10.0.0.200 and 2001:db8::200, which another host had before, is on eth0 now")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, a := range []netip.Addr{four, six} {
				for got, err := neighbour.Cached(a); got != guest.MAC; got, err = neighbour.Cached(a) {
					h.Must(err)
					if ctx.Err() != nil {
						t.Fatalf("%s is still thought to be at %s", a, got)
					}
					time.Sleep(5 * time.Millisecond)
				}
			}
			h.phase(101, "post-start").exits(hook.OK).omits("pve-iplease") // once
		})
	}
}

// Nothing to announce, or nobody to do it: a start never fails for it.
func TestPostStartNeverFails(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.phase(101, "post-start").exits(hook.OK).omits("pve-iplease")
	h.start(101).exits(hook.OK)
	h.phase(101, "post-start").exits(hook.OK).omits("pve-iplease")
	h.write("/run/pve-iplease/post-start/101", "eth0 10.0.0.200\n")
	h.phase(101, "post-start").exits(hook.OK).says("warning: CT 101: not announced: CT 101 has no lxc-start")
	guest, err := h.node.Plug("vmbr0", lab.GuestPort(101, 0), macOf(101))
	h.Must(err)
	t.Cleanup(func() { _ = guest.Close() })
	h.Must(guest.SetUp("eth0", false))
	h.lives(guest)
	h.write("/run/pve-iplease/post-start/101", "eth0 10.0.0.200\n")
	h.phase(101, "post-start").exits(hook.OK).says("warning: CT 101: not announced: announcing on eth0: network is down; hosts that knew")
	h.write("/run/pve-iplease/post-start/101", "nonsense\n")
	h.phase(101, "post-start").exits(hook.OK).says("warning: CT 101: not announced")
	if _, err := os.Stat(filepath.Join(h.root, "run/pve-iplease/post-start/101")); !os.IsNotExist(err) {
		t.Error("the word is not taken away")
	}
}

// With arp-rate an announcement takes its turn on the uplink among the starts,
// and one whose turn would come too late is not made.
func TestAnnouncementTakesItsTurn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taken bool // all turns of the next minute
		says  string
	}{
		"at once":  {false, "CT 101: told the network that 10.0.0.200, which another host had before, is on eth0 now"},
		"too late": {true, "warning: CT 101: not announced: announcing on eth0: the uplink's 14 ARP packets a second are taken by others until after the deadline; hosts that knew"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, lan)
			h.put(ct{id: 101, ip: "manual"})
			h.start(101).exits(hook.OK)
			h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", mac: macOf(102)})
			h.start(101).exits(hook.OK)
			guest, err := h.node.Plug("vmbr0", lab.GuestPort(101, 0), macOf(102))
			h.Must(err)
			t.Cleanup(func() { _ = guest.Close() })
			h.lives(guest)
			h.settings("arp-rate 14\n")
			const turns = "/run/pve-iplease/arp/vmbr0"
			if c.taken {
				h.write(turns, turnsFor(t, time.Minute))
			}
			h.phase(101, "post-start").exits(hook.OK).says(c.says)
			if !c.taken && len(h.read(turns)) == 0 {
				t.Error("it has taken no turn")
			}
		})
	}
}

// turnsFor takes 14 turns in each second from now on.
func turnsFor(t *testing.T, long time.Duration) string {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for at := time.Duration(0); at < long; at += time.Second / 14 {
		all = binary.LittleEndian.AppendUint64(all, uint64(now.Nano())+uint64(at))
	}
	return string(all)
}

// A guest whose own MAC has changed is announced too: the ledger knows it.
func TestNewMACIsLeftToAnnounce(t *testing.T) {
	t.Parallel()
	h := newHost(t, lan)
	h.put(ct{id: 101, ip: "manual"})
	h.start(101).exits(hook.OK)
	h.put(ct{id: 101, ip: "10.0.0.200/24", gw: "10.0.0.1", mac: macOf(102)})
	h.start(101).exits(hook.OK).says("10.0.0.200/24")
	if got := h.read("/run/pve-iplease/post-start/101"); strings.TrimSpace(got) != "eth0 10.0.0.200 vmbr0" {
		t.Errorf("left to announce: %q", got)
	}
	h.start(101).exits(hook.OK)
	if _, err := os.Stat(h.path("/run/pve-iplease/post-start/101")); !os.IsNotExist(err) {
		t.Error("it is still there after a start that has nothing to announce")
	}
}
