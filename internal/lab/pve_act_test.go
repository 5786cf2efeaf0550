package lab_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pve-iplease/internal/lab"
)

// killedDriver starts a container whose hook never ends and another that
// runs, and waits to be killed. It is a child of TestProxmoxDriverKilled.
func killedDriver() error {
	dir := os.Getenv(killedDir)
	tree, err := lab.NewTree(dir, "pve1")
	if err != nil {
		return err
	}
	node, err := lab.NewNode("pve1")
	if err != nil {
		return err
	}
	p := lab.NewProxmox(tree, node)
	err = errors.Join(
		node.AddBridge("vmbr0"),
		tree.InstallHook("hook", filepath.Join(dir, "hook.sh")),
		tree.WriteCT("pve1", 101, lab.CT{Hostname: "a", Hook: "hook", MAC: lab.RandomMAC()}),
		tree.WriteCT("pve1", 102, lab.CT{Hostname: "b", MAC: lab.RandomMAC()}),
		p.Start(102).Err,
	)
	if err != nil {
		return err
	}
	fmt.Println(p.Monitor(102))
	return p.Start(101).Err
}

// killedDir tells a child where to be killedDriver.
const killedDir = "LAB_TEST_KILLED_DIR"

// A driver that is killed leaves no process behind: worker, lxc-start, hook.
func TestProxmoxDriverKilled(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	dir := t.TempDir()
	const script = "#!/bin/sh\ntrap '' TERM\necho $PPID > %[1]s/pids\necho $$ >> %[1]s/pids\necho >> %[1]s/pids\nwhile :; do sleep 1; done\n"
	if err := os.WriteFile(filepath.Join(dir, "hook.sh"), fmt.Appendf(nil, script, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	driver := roleCommand("killed driver")
	driver.Env = append(driver.Env, killedDir+"="+dir)
	out, err := driver.StdoutPipe()
	if err == nil {
		err = driver.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = driver.Process.Kill() }()
	monitor, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	await(t, func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, "pids"))
		pids = strings.Fields(string(data))
		return strings.HasSuffix(string(data), "\n\n")
	})
	if err := driver.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = driver.Wait()
	for _, text := range append(pids, strings.TrimSpace(monitor)) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return !alive(pid) })
	}
}

// alive is false for a zombie too, which only waits for its parent.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
