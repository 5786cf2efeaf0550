package probe_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/probe"
)

// openAt opens a port at a place of a node.
func openAt(t testing.TB, node *lab.Node, at probe.Place, declared ...string) *probe.Port {
	t.Helper()
	var port *probe.Port
	err := node.Do(func() (err error) {
		port, err = probe.Open(at, declared)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	return port
}

// verdictsAt asks at a place and returns a word for each address.
func verdictsAt(t *testing.T, node *lab.Node, at probe.Place, addrs ...string) (string, probe.Result) {
	t.Helper()
	port := openAt(t, node, at, "eno1")
	defer port.Close()
	pace, _ := probe.Preset("fast")
	q := probe.Question{Pace: pace}
	for _, a := range addrs {
		q.Candidates = append(q.Candidates, addr(a))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := port.Ask(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range r.Answers {
		out = append(out, a.Verdict.String())
	}
	return strings.Join(out, " "), r
}

// In two VLANs the same addresses live apart, on the wire and on the bridge;
// who asks in one hears nothing of the other, nor of what is untagged.
func TestAwareBridgeKeepsVLANsApart(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20, 30)
	f.TaggedHost(lan, 20, "10.0.0.201/24")
	f.TaggedHost(lan, 30, "10.0.0.202/24")
	f.TaggedGuest(node, "vmbr0", 101, 20, "10.0.0.203/24")
	f.TaggedGuest(node, "vmbr0", 102, 30, "10.0.0.204/24")
	f.Host(lan, "10.0.0.205/24")
	everybody := []string{"10.0.0.201", "10.0.0.202", "10.0.0.203", "10.0.0.204", "10.0.0.205"}
	mac := lab.RandomMAC()
	for tag, want := range map[uint16]string{
		20: "taken free taken free free",
		30: "free taken free taken free",
		0:  "free free free free taken",
	} {
		got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: tag, MAC: mac}, everybody...)
		if got != want {
			t.Errorf("VLAN %d: %s, want %s (%+v)", tag, got, want, r)
		}
		if tag == 20 {
			if diff := cmp.Diff([]string{"eno1", "veth101i0"}, []string{r.Answers[0].Ports[0], r.Answers[2].Ports[0]}); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// What can't be asked at a place says so, and is never called free.
func TestAwareBridgeDoubts(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, cable := f.AwareNode("pve1", f.LAN(), 20)
	got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 21}, "10.0.0.201")
	if want := "no uplink of vmbr0 is in VLAN 21: eno1"; got != "unknown" || r.Doubt != want {
		t.Errorf("%s, doubt %q, want %q", got, r.Doubt, want)
	}
	f.Must(cable.Pull())
	got, r = verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20}, "10.0.0.201")
	if want := "no uplink of vmbr0 has a link: eno1"; got != "unknown" || r.Doubt != want {
		t.Errorf("%s, doubt %q, want %q", got, r.Doubt, want)
	}
}

// snapshot is what an administrator sees of the bridge.
func snapshot(t *testing.T, node *lab.Node) string {
	t.Helper()
	var out strings.Builder
	for _, args := range [][]string{{"bridge", "vlan"}, {"bridge", "fdb", "show", "br", "vmbr0"}, {"bridge", "mdb"}, {"ip", "-br", "link"}, {"ip", "-o", "link", "show", "vmbr0"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = &out, &out
		fmt.Fprintln(&out, "#", cmd)
		if err := node.Run(cmd); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out.String())
		}
	}
	return theirs.ReplaceAllString(out.String(), "")
}

// theirs are the groups that whoever is plugged in has joined, and the hosts
// beyond the uplink that the bridge has heard: a kernel reports its own groups at
// its leisure after the link is up (RFC 3810 §6.1).
var theirs = regexp.MustCompile(`(?m)^(\s*dev vmbr0 port (eno|veth)\S+ grp .*|\S+ dev eno\S+ (vlan \d+ )?master vmbr0 ?)\n`)

// A hundred probes leave a bridge as it was, while two guests that talk across
// it lose nothing.
func TestTemporaryPortLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20)
	f.TaggedGuest(node, "vmbr0", 101, 20, "10.0.0.203/24")
	talker := f.TaggedGuest(node, "vmbr0", 102, 20, "10.0.0.204/24")
	ping := exec.Command("ping", "-q", "-i", "0.01", "-w", "600", "10.0.0.203")
	var heard strings.Builder
	ping.Stdout, ping.Stderr = &heard, &heard
	f.Must(talker.Run(exec.Command("ping", "-c", "1", "-w", "10", "10.0.0.203")))
	before := snapshot(t, node)
	f.Must(talker.Start(ping))
	mac, pace := lab.RandomMAC(), probe.Pace{Probes: 1, Wait: time.Millisecond}
	for range 100 {
		port := openAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20, MAC: mac}, "eno1")
		if port.MAC() != mac.StandIn() {
			t.Fatalf("probes come from %s", port.MAC())
		}
		if _, err := port.Ask(t.Context(), probe.Question{Candidates: []netip.Addr{tested}, Pace: pace}); err != nil {
			t.Fatal(err)
		}
		port.Close()
	}
	settle(t, node)
	if diff := cmp.Diff(before, snapshot(t, node)); diff != "" {
		t.Errorf("the bridge has changed:\n%s", diff)
	}
	f.Must(ping.Process.Signal(os.Interrupt))
	_ = ping.Wait()
	if !strings.Contains(heard.String(), " 0% packet loss") {
		t.Errorf("%s", heard.String())
	}
}

// settle waits until the node has no temporary port.
func settle(t testing.TB, node *lab.Node) {
	t.Helper()
	awaitLinks(t, node, "temporary ports", func(links string) bool { return !strings.Contains(links, "iplease") })
}

// awaitLinks waits until the node's links are as wanted. A snapshot is taken
// then and not meanwhile: what is seen of it first may be older than the rest.
func awaitLinks(t testing.TB, node *lab.Node, what string, done func(links string) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var out strings.Builder
		cmd := exec.Command("ip", "-br", "link")
		cmd.Stdout = &out
		if err := node.Run(cmd); err != nil {
			t.Fatal(err)
		}
		if done(out.String()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still %s:\n%s", what, out.String())
		}
	}
}

// Without anything plugged in, the bridge stays so: nobody can answer.
func TestAwareBridgeWithoutPorts(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	f.NeedVLANs()
	node, err := lab.NewNode("pve1")
	f.Must(err)
	t.Cleanup(func() { _ = node.Close() })
	f.Must(node.AddAwareBridge("vmbr0"))
	// Its missing carrier the kernel notices a little later.
	awaitLinks(t, node, "carrier on vmbr0", func(links string) bool { return strings.Contains(links, "NO-CARRIER") })
	before := snapshot(t, node)
	port := openAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20})
	defer port.Close()
	pace, _ := probe.Preset("fast")
	r, err := port.Ask(t.Context(), probe.Question{Candidates: []netip.Addr{tested}, Pace: pace})
	f.Must(err)
	if r.Answers[0].Verdict != probe.Free || !r.Closed || !port.Closed() {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(before, snapshot(t, node)); diff != "" {
		t.Errorf("the bridge has changed:\n%s", diff)
	}
}

// Untagged guests are asked for in their VLAN also where the bridge itself has
// been taken out of it.
func TestAwareBridgeOutsideOfItsOwnVLAN(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20)
	f.Host(lan, "10.0.0.201/24")
	f.Must(node.LeaveVLANs("vmbr0", 1))
	if got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0"}, "10.0.0.201", "10.0.0.202"); got != "taken free" {
		t.Errorf("%s: %+v", got, r)
	}
}

// Where spanning tree would keep a new port shut none is made: the bridge is
// asked itself, if it is in the VLAN.
func TestAwareBridgeWithSpanningTree(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.AwareNode("pve1", lan, 20)
	f.TaggedHost(lan, 20, "10.0.0.201/24")
	f.Must(node.SetSpanningTree("vmbr0"))
	at := probe.Place{Bridge: "vmbr0", Tag: 20}
	err := node.Do(func() error { _, err := probe.Open(at, nil); return err })
	if want := "spanning tree on vmbr0 would keep a probing port shut, and vmbr0 itself is not in VLAN 20: turn STP off, or give the host an interface vmbr0.20"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	f.Must(node.JoinVLANs("vmbr0", 20))
	for deadline := time.Now().Add(time.Minute); ; {
		got, r := verdictsAt(t, node, at, "10.0.0.201", "10.0.0.202")
		if got == "taken free" {
			return
		}
		// Until the uplink forwards, and an open port is told from a shut one.
		if time.Now().After(deadline) || !strings.HasPrefix(r.Doubt, "port eno1 of vmbr0 is still learning") && !strings.HasPrefix(r.Doubt, "no uplink of vmbr0 forwards") {
			t.Fatalf("%s: %+v", got, r)
		}
	}
}

// On a classic bridge a VLAN is asked wherever the frames of its guests pass.
func TestClassicBridge(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(lab.Fixture, *lab.Node){
		"nothing prepared": func(lab.Fixture, *lab.Node) {},
		"a bridge of its own": func(f lab.Fixture, n *lab.Node) {
			device, err := n.AddVLAN("eno1", 20)
			f.Must(err)
			f.Must(n.AddBridge("vmbr0v20"))
			f.Must(n.Enslave("vmbr0v20", device))
			f.Guest(n, "vmbr0v20", 101, "10.0.0.203/24")
		},
		"a VLAN device in another bridge": func(f lab.Fixture, n *lab.Node) {
			device, err := n.AddVLAN("eno1", 20)
			f.Must(err)
			f.Must(n.AddBridge("vmbr20"))
			f.Must(n.Enslave("vmbr20", device))
			f.Guest(n, "vmbr20", 101, "10.0.0.203/24")
		},
		"a VLAN device alone": func(f lab.Fixture, n *lab.Node) {
			_, err := n.AddVLAN("eno1", 20)
			f.Must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := lab.New(t)
			f.NeedVLANs()
			lan := f.LAN()
			node, _ := f.Node("pve1", lan)
			f.TaggedHost(lan, 20, "10.0.0.201/24")
			f.Host(lan, "10.0.0.202/24")
			prepare(f, node)
			want := "taken free free"
			if strings.Contains(name, " bridge") {
				want = "taken free taken"
			}
			got, r := verdictsAt(t, node, probe.Place{Bridge: "vmbr0", Tag: 20, MAC: lab.RandomMAC()}, "10.0.0.201", "10.0.0.202", "10.0.0.203")
			if got != want {
				t.Errorf("%s, want %s: %+v", got, want, r)
			}
			got, r = verdictsAt(t, node, probe.Place{Bridge: "vmbr0"}, "10.0.0.201", "10.0.0.202")
			if got != "free taken" {
				t.Errorf("untagged: %s: %+v", got, r)
			}
		})
	}
}

// The temporary port goes with the process, however that ends.
func TestKilledProberLeavesNoPort(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	node, _ := f.AwareNode("pve1", f.LAN(), 20)
	before := snapshot(t, node)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), holderEnv+"=vmbr0")
	out, err := cmd.StdoutPipe()
	f.Must(err)
	f.Must(node.Start(cmd))
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "open\n" {
		t.Fatalf("the child says %q: %v", line, err)
	}
	if during := snapshot(t, node); !strings.Contains(during, "iplease0") {
		t.Fatalf("no temporary port:\n%s", during)
	}
	f.Must(cmd.Process.Kill())
	_ = cmd.Wait()
	settle(t, node)
	if diff := cmp.Diff(before, snapshot(t, node)); diff != "" {
		t.Errorf("the bridge has changed:\n%s", diff)
	}
}

// A service may have no other right to the kernel's settings than to read them.
func TestTemporaryPortWhereSettingsAreReadOnly(t *testing.T) {
	t.Parallel()
	f := lab.New(t)
	lan := f.LAN()
	node, _ := f.Node("pve1", lan)
	f.Child(node, "vmbr0", lab.MACVLAN) // which a port reaches alone
	f.Host(lan, "10.0.0.201/24")
	opened := make(chan error)
	var port *probe.Port
	go func() {
		runtime.LockOSThread() // the thread ends with its goroutine, and with it its mounts
		err := settingsReadOnly()
		if err == nil {
			err = node.Do(func() (err error) {
				port, err = probe.Open(probe.Place{Bridge: "vmbr0", MAC: lab.RandomMAC()}, []string{"eno1"})
				return err
			})
		}
		opened <- err
	}()
	f.Must(<-opened)
	defer port.Close()
	pace, _ := probe.Preset("fast")
	if out := show(t, node, "-o", "link"); !strings.Contains(out, "iplease0") {
		t.Fatalf("no port of our own:\n%s", out)
	}
	r, err := port.Ask(t.Context(), probe.Question{Candidates: []netip.Addr{addr("10.0.0.201"), addr("10.0.0.202")}, Pace: pace})
	f.Must(err)
	if r.Answers[0].Verdict != probe.Taken || r.Answers[1].Verdict != probe.Free {
		t.Errorf("%+v", r)
	}
	if six := show(t, node, "-6", "-o", "addr"); strings.Contains(six, "iplease") {
		t.Errorf("the port has an IPv6 address:\n%s", six)
	}
}

// show is what ip says on a node.
func show(t *testing.T, node *lab.Node, args ...string) string {
	t.Helper()
	out := new(strings.Builder)
	cmd := exec.Command("ip", args...)
	cmd.Stdout = out
	if err := node.Run(cmd); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// settingsReadOnly does for the calling thread what systemd's
// ProtectKernelTunables does for a service.
func settingsReadOnly() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("", "/proc/sys", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}
