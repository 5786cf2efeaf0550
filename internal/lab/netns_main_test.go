package lab_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"pve-iplease/internal/lab"
)

// roleEnv makes the test binary a child of one of its own tests.
const roleEnv = "LAB_TEST_ROLE"

func TestMain(m *testing.M) {
	lab.Act()
	if role := os.Getenv(roleEnv); role != "" {
		// What a child starts itself must not play its part again, without end.
		if err := errors.Join(os.Unsetenv(roleEnv), play(role)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(lab.Main(m))
}

// exit is the end of a copy.
func exit(status int) error {
	if status == 0 {
		return nil
	}
	return fmt.Errorf("exit status %d", status)
}

func roleCommand(role string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// play is what the children do.
func play(role string) error {
	switch role {
	case "where": // says in which network namespace it is
		ns, err := os.Readlink("/proc/self/ns/net")
		fmt.Print(ns)
		return err
	case "sit": // stays until it is killed
		fmt.Println("here")
		select {}
	case "isolated": // says which devices its /sys shows, where it is alone, and its name
		if err := os.Setenv(roleEnv, role); err != nil { // the copy says it
			return err
		}
		status, inside, err := lab.Isolate()
		if err != nil || !inside {
			return cmp.Or(err, exit(status))
		}
		devices, err := os.ReadDir("/sys/class/net")
		name, _ := os.Executable()
		fmt.Println(devices, name)
		return err
	case "echo": // says what it is told
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "killed driver":
		return killedDriver()
	case "house": // starts one that sits in a namespace, and waits for it
		ns, err := lab.NewNamespace()
		if err != nil {
			return err
		}
		cmd := roleCommand("sit")
		cmd.Stdout = os.Stdout
		return ns.Run(cmd)
	}
	return fmt.Errorf("no role %q", role)
}
