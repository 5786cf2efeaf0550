package node

import (
	"os"
	"strings"
	"testing"
)

func TestIsStart(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"lxc-start -F -n 101":                       true,
		"/usr/bin/lxc-start -F -n 101":              true,
		"lxc-start -n 101 -F -l trace":              true,
		"lxc-start --name 101":                      true,
		"lxc-start --name=101":                      true,
		"lxc-start -n101":                           true,
		"lxc-start -F -n 1010":                      false,
		"lxc-start -F -n 102 101":                   false,
		"lxc-start -F 101":                          false,
		"lxc-start -F -n":                           false,
		"lxc-stop -n 101":                           false,
		"vi lxc-start -n 101":                       false,
		"task UPID:pve1:1:2:3:vzstart:101:root@pam": false,
		"": false,
	}
	for line, want := range tests {
		if got := isStart(strings.Fields(line), 101); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestAsProxmox(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"/usr/bin/lxc-start -F -n 101":                true,
		"lxc-start -F -n 101":                         true,
		"/usr/bin/lxc-start -F -n 1010":               false,
		"/usr/bin/lxc-start -n 101":                   false,
		"/usr/bin/lxc-start -F -n 101 -P /srv/lxc":    false,
		"/usr/bin/lxc-start -F -n 101 -o /dev/stderr": true,
		"/usr/bin/lxc-start -F -n 101 --lxcpath=/srv": false,
		"": false,
	} {
		if got := asProxmox(strings.Fields(line), 101); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestInUnit(t *testing.T) {
	t.Parallel()
	for groups, want := range map[string]bool{
		"0::/system.slice/system-pve\\x2dcontainer.slice/pve-container@101.service\n":       true,
		"0::/system.slice/system-pve\\x2dcontainer.slice/pve-container-debug@101.service\n": true,
		"0::/lxc.monitor/101\n": true,
		"0::/lxc.monitor.101\n": true,
		"12:pids:/user.slice\n1:name=systemd:/lxc.monitor/101\n0::/\n": true,
		"0::/lxc.monitor/1010\n":                           false,
		"0::/lxc/101\n":                                    false,
		"0::/system.slice/pve-container@1010.service\n":    false,
		"0::/user.slice/user-1000.slice/session-1.scope\n": false,
		"": false,
	} {
		if got := inUnit(groups, 101); got != want {
			t.Errorf("%q: %t", groups, got)
		}
	}
}

func TestRootIDs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"0 0 0 0": true, "65534 65534 65534 65534": false, "65534 0 0 0": false, "0 65534 0 65534": false, "0 0 0": false, "root 0 0 0": false, "": false,
	} {
		if got := rootIDs(strings.Fields(line)); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
	tests := []struct {
		text string
		want procStat
		ok   bool
	}{
		{"7 (lxc-start) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0", procStat{1, 47110 * 1e6}, true},
		{"7 (a) S 9 (b) ) R 2 7 7 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 5 0", procStat{2, 50 * 1e6}, true},
		{"7 (short) S 1", procStat{}, false},
		{"", procStat{}, false},
		{"7 (x) S y" + rest + "1 1", procStat{}, false},
	}
	for _, tt := range tests {
		got, ok := parseStat([]byte(tt.text))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q: %+v %t", tt.text, got, ok)
		}
	}
}

func TestAncestors(t *testing.T) {
	t.Parallel()
	var first int
	for pid := range ancestors(os.Getpid()) {
		first = pid
		break
	}
	if first != os.Getppid() {
		t.Errorf("first ancestor %d, want %d", first, os.Getppid())
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (lxc-start) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if st, ok := parseStat(data); ok && (st.parent < 0 || st.start < 0) {
			t.Errorf("%q: %+v", data, st)
		}
	})
}

func FuzzArguments(f *testing.F) {
	f.Add([]byte("lxc-start\x00-F\x00-n\x00101\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		args := arguments(data)
		if isStart(args, 101) && !strings.Contains(string(data), "101") {
			t.Errorf("%q starts CT 101", data)
		}
	})
}
