//go:build deb

package packaging_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pmxcfs"
)

// system is a Debian with a network of its own. What is written to it lies
// over the chroot that all share, in memory.
type system struct {
	*testscript.TestScript
	suite   string
	root    string
	layer   string // what was written; a file system of its own
	node    *lab.Node
	cluster *pmxcfs.Cluster
	machine *machine  // once it has been booted
	child   *lab.Host // of vmbr0
	closers []io.Closer
}

type systemKey struct{}

func newSystem(env *testscript.Env, suite string) error {
	s := &system{suite: suite, root: filepath.Join(env.WorkDir, "host"), layer: filepath.Join(env.WorkDir, "layer")}
	env.Values[systemKey{}] = s
	env.Setenv("HOST", s.root)
	var err error
	if s.node, err = lab.NewNode("pve1"); err != nil {
		return err
	}
	env.Defer(func() { _ = s.node.Close() })
	env.Defer(s.down)
	if err := s.up(); err != nil {
		return err
	}
	for _, deb := range []string{"old.deb", "new.deb"} {
		data, err := os.ReadFile(filepath.Join(*debs, deb))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.root, deb), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// up mounts the system: the shared chroot below, a layer in memory above it.
func (s *system) up() error {
	for _, dir := range []string{s.root, s.layer} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("layer", s.layer, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("layer: %w", err)
	}
	upper, work := filepath.Join(s.layer, "upper"), filepath.Join(s.layer, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	lower := filepath.Join(*chroots, s.suite)
	if err := unix.Mount("overlay", s.root, "overlay", 0, "volatile,lowerdir="+lower+",upperdir="+upper+",workdir="+work); err != nil {
		return fmt.Errorf("overlay: %w", err)
	}
	return unix.Mount("proc", filepath.Join(s.root, "proc"), "proc", 0, "")
}

func (s *system) down() {
	if err := s.machine.off(); err != nil {
		panic(err)
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
	s.unmountCluster()
	_ = unix.Unmount(filepath.Join(s.root, "proc"), unix.MNT_DETACH)
	_ = unix.Unmount(s.root, unix.MNT_DETACH)
	_ = unix.Unmount(s.layer, unix.MNT_DETACH)
}

// command is to be run on the system, as Proxmox's daemons run theirs.
func (s *system) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/usr/bin/env", append([]string{name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.root}
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// run lets the script see what a command says and how it ends.
func (s *system) run(neg bool, cmd *exec.Cmd) {
	cmd.Stdout, cmd.Stderr = s.Stdout(), s.Stderr()
	err := s.node.Run(cmd)
	if cmd.ProcessState == nil {
		s.Fatalf("%v", err)
	}
	if neg != (err != nil) {
		s.Fatalf("%s: %s", strings.Join(cmd.Args[1:], " "), cmd.ProcessState)
	}
}

func (s *system) host(neg bool, args []string) { s.run(neg, s.command(args[0], args[1:]...)) }

// disk says how many more MiB can be written to the system.
func (s *system) disk(_ bool, args []string) {
	free, err := strconv.Atoi(args[0])
	s.Check(err)
	var st unix.Statfs_t
	s.Check(unix.Statfs(s.layer, &st))
	size := int64(st.Blocks-st.Bfree)*st.Bsize + int64(free)<<20
	s.Check(unix.Mount("", s.layer, "", unix.MS_REMOUNT, fmt.Sprintf("mode=755,size=%d", size)))
}

// newer makes a ledger one of a format to come. The checksum's place is common
// to all formats.
func (s *system) newer(_ bool, args []string) {
	text := strings.Replace(s.ReadFile(args[0]), `"format":1,`, `"format":2,`, 1)
	before, rest, _ := strings.Cut(text, `"sha256":"`)
	before += `"sha256":"`
	rest = rest[2*sha256.Size:]
	sum := sha256.Sum256([]byte(before + rest))
	s.Check(os.WriteFile(s.MkAbs(args[0]), []byte(before+hex.EncodeToString(sum[:])+rest), 0o600))
}

func (s *system) proxmox(bool, []string) {
	if s.cluster == nil {
		s.cluster = pmxcfs.New("prod", "pve1", "pve2", "pve3")
		s.Check(s.node.AddBridge("vmbr0"))
	}
	pve := filepath.Join(s.root, "etc/pve")
	s.Check(os.MkdirAll(pve, 0o755))
	s.Check(os.MkdirAll(filepath.Join(s.root, "var/lib/pve-cluster"), 0o755))
	s.Check(os.WriteFile(filepath.Join(s.root, "var/lib/pve-cluster/config.db"), nil, 0o600))
	s.Check(s.cluster.Node("pve1").Mount(pve))
	s.put("pve-iplease/pools.cfg", "pool: lan\n\tbridge vmbr0\n\tsubnet 10.0.0.0/24\n\trange 10.0.0.200-10.0.0.239\n")
	s.put("nodes/pve1/lxc/101.conf", "arch: amd64\nhookscript: local:snippets/pve-iplease\nhostname: web\n"+
		"net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=10.0.0.5/24,type=veth\n")
}

// docker lays a network on vmbr0 that only a port of the bridge reaches, with a
// host in it, and plugs the bridge into a LAN; or it gives that host an address.
func (s *system) docker(_ bool, args []string) {
	if s.child == nil {
		lan, err := lab.NewLAN()
		s.Check(err)
		s.closers = append(s.closers, lan)
		_, err = s.node.Uplink("vmbr0", "eno1", lan)
		s.Check(err)
		s.child, err = s.node.Child("vmbr0", lab.MACVLAN)
		s.Check(err)
		s.closers = append(s.closers, s.child)
	}
	for _, a := range args {
		s.Check(s.child.AddAddr("eth0", netip.MustParsePrefix(a)))
	}
}

// put writes a file below /etc/pve as Proxmox does, unless it is there.
func (s *system) put(name, text string) {
	path := filepath.Join(s.root, "etc/pve", name)
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !os.IsExist(err) {
		s.Fatalf("%v", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	s.Check(err)
	_, err = f.WriteAt([]byte(text), 0)
	s.Check(err)
	s.Check(f.Close())
}

func (s *system) unmount(bool, []string) { s.unmountCluster() }

func (s *system) unmountCluster() {
	if s.cluster != nil {
		_ = s.cluster.Node("pve1").Unmount()
	}
}

func (s *system) quorum(_ bool, args []string) {
	if args[0] == "lost" {
		s.cluster.Partition(s.cluster.Node("pve1"))
	} else {
		s.cluster.Heal()
	}
	time.Sleep(1100 * time.Millisecond) // for a second the kernel believes what it saw of a link
}

// start is PVE::GuestHelpers::exec_hookscript at the start of a container.
func (s *system) start(neg bool, args []string) {
	script := "/var/lib/vz/snippets/pve-iplease"
	if info, err := os.Stat(filepath.Join(s.root, script)); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		s.Fatalf("Proxmox would refuse to start CT %s: %s does not exist or is not executable", args[0], script)
	}
	s.run(neg, s.command(script, args[0], "pre-start"))
}

// tidy looks for anything that the package could have left.
func (s *system) tidy(neg bool, _ []string) {
	var left []string
	upper := filepath.Join(s.layer, "upper")
	s.Check(filepath.WalkDir(upper, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := "/" + strings.TrimPrefix(strings.TrimPrefix(path, upper), "/")
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode()&os.ModeCharDevice != 0: // a whiteout: what was there before is gone
			left = append(left, "removed: "+rel)
		case strings.Contains(rel, "iplease"), strings.HasPrefix(rel, "/var/lib/vz"):
			left = append(left, rel)
		case !d.IsDir() && !s.debians(rel):
			left = append(left, rel)
		}
		return nil
	}))
	slices.Sort(left)
	if neg != (len(left) > 0) {
		s.Fatalf("left behind: %q", left)
	}
}

// debians are files that dpkg itself, Proxmox or this test writes.
func (s *system) debians(path string) bool {
	for _, dir := range []string{"/var/lib/dpkg/", "/var/log/", "/var/cache/", "/etc/pve", "/var/lib/pve-cluster/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return slices.Contains([]string{"/old.deb", "/new.deb", "/run/lock/lxc/pve-config-101.lock", "/run/systemd/systemd-units-load"}, path)
}
