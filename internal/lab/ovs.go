package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ovsFolder is where Open vSwitch's programs meet.
const ovsFolder = "/run/openvswitch"

// OVS is Open vSwitch, running in a node's network.
type OVS struct {
	node    *Node
	daemons []*exec.Cmd
}

// OpenVSwitch starts Open vSwitch in a node's network. There is one on a host
// at most, so a test that calls this must not be parallel; it is skipped where
// programs or kernel module are missing, or one runs already.
func (f Fixture) OpenVSwitch(n *Node) *OVS {
	f.t.Helper()
	if _, err := exec.LookPath("ovs-vswitchd"); err != nil {
		f.t.Skipf("no Open vSwitch: %v; see make test-vm", err)
	}
	if _, err := os.Stat("/sys/module/openvswitch"); err != nil {
		f.t.Skipf("this kernel has no Open vSwitch: %v; see make test-vm", err)
	}
	if _, err := os.Stat(ovsFolder); err == nil {
		f.t.Skip("there is an Open vSwitch on this host already")
	}
	o := &OVS{node: n}
	f.t.Cleanup(func() { f.Must(o.stop()) })
	f.Must(o.start(f.t.TempDir()))
	return o
}

func (o *OVS) start(dir string) error {
	if err := os.MkdirAll(ovsFolder, 0o755); err != nil {
		return err
	}
	db := filepath.Join(dir, "conf.db")
	if out, err := exec.Command("ovsdb-tool", "create", db, "/usr/share/openvswitch/vswitch.ovsschema").CombinedOutput(); err != nil {
		return fmt.Errorf("ovsdb-tool: %w: %s", err, out)
	}
	socket := ovsFolder + "/db.sock"
	for _, cmd := range []*exec.Cmd{
		exec.Command("ovsdb-server", "--remote=punix:"+socket, "--no-chdir", db),
		exec.Command("ovs-vswitchd", "unix:"+socket),
	} {
		if err := o.node.Start(cmd); err != nil {
			return err
		}
		o.daemons = append(o.daemons, cmd)
		if err := await(socket); err != nil {
			return err
		}
	}
	return o.Do("--no-wait", "init")
}

// await waits for a file.
func await(path string) error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s does not appear", path)
}

// Do changes the configuration, as ovs-vsctl's arguments say, and waits until
// it is in force.
func (o *OVS) Do(args ...string) error {
	cmd := exec.Command("ovs-vsctl", append([]string{"--timeout=30"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ovs-vsctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (o *OVS) stop() error {
	for _, d := range o.daemons {
		_ = d.Process.Kill()
		_ = d.Wait() // killed
	}
	return os.RemoveAll(ovsFolder)
}
