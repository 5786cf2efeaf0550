package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describeMachine says on what, with what and when it was measured.
func describeMachine(b *bench) []fact {
	facts := []fact{
		{"date", time.Now().Format("2006-01-02 15:04 MST")},
		{"version", firstLine(b.program, "version")},
		{"processor", fmt.Sprintf("%s, %d cores", cmp.Or(fromFile("/proc/cpuinfo", "model name"), runtime.GOARCH), runtime.NumCPU())},
		{"memory", memory()},
		{"kernel", kernel()},
		{"virtualisation", cmp.Or(firstLine("systemd-detect-virt"), hypervisor())},
		{"system", strings.Trim(fromFile("/etc/os-release", "PRETTY_NAME"), `"`)},
	}
	if b.quick {
		facts = append(facts, fact{"scale", "quick: it shows that all works, and measures nothing"})
	}
	for _, p := range peers() {
		path, missing := lookUp(p.name)
		if missing == "" {
			missing = fmt.Sprintf("%.60s", p.says(path))
		}
		facts = append(facts, fact{p.name, missing})
	}
	return facts
}

// firstLine is what a command says first; empty if it cannot be run.
func firstLine(name string, args ...string) string {
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout = &out
	_ = cmd.Run() // systemd-detect-virt fails where there is none
	line, _, _ := strings.Cut(out.String(), "\n")
	return line
}

// fromFile is a value of a file with lines like "key : value" or key=value.
func fromFile(path, key string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, "\t :="))
		}
	}
	return ""
}

func memory() string {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.1f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err.Error()
	}
	return unix.ByteSliceToString(u.Release[:])
}

// hypervisor is what the processor's flags tell.
func hypervisor() string {
	if strings.Contains(fromFile("/proc/cpuinfo", "flags"), "hypervisor") {
		return "some hypervisor"
	}
	return "none that shows"
}
