package pveapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/pveapi"
)

// parent is the name under which this test binary opens the API of the host in
// its argument, asks once, and lives on.
const parent = "parent"

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case pveapi.Program:
		play(os.Args[2])
		os.Exit(0)
	case parent:
		h := host(os.Args[1])
		if a, err := pveapi.ForWriting(h.options()); err == nil {
			_, _ = a.Nodes(context.Background())
		}
		os.Exit(1)
	}
	os.Exit(lab.Main(m))
}

// host is a scratch root directory. Its files say how pve-iplease-api behaves.
type host string

func newHost(t *testing.T, behaviour string) host {
	t.Helper()
	h := host(t.TempDir())
	if err := os.WriteFile(h.path("behaviour"), []byte(behaviour), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h host) path(name string) string { return filepath.Join(string(h), name) }

func (h host) read(name string) string {
	data, _ := os.ReadFile(h.path(name))
	return string(data)
}

// withPvesh gives the host a pvesh that knows a node, and writes down what it
// was asked.
func (h host) withPvesh(t *testing.T) host {
	t.Helper()
	if err := os.MkdirAll(h.path("usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	const script = "#!/bin/sh\necho \"$1 $2\" >>\"${0%/*}/log\"\necho '[{\"node\":\"pvesh\",\"status\":\"online\"}]'\n"
	if err := os.WriteFile(h.path("usr/bin/pvesh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h host) options() pveapi.Options {
	return pveapi.Options{
		Root: string(h),
		Start: func(args ...string) (io.ReadWriteCloser, error) {
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			return pveapi.Run(self, args...)
		},
	}
}

// play is pve-iplease-api on the host, a word after the other. What it reads it
// writes down.
func play(root string) {
	h := host(root)
	note(h, "pid", strconv.Itoa(os.Getpid()))
	note(h, "seen", strings.Join(append(os.Args[1:], os.Environ()...), " "))
	in := bufio.NewReader(os.Stdin)
	for word := range strings.FieldsSeq(h.read("behaviour")) {
		switch word {
		case "hello":
			say(pveapi.Hello{Protocol: pveapi.Protocol, Version: "1.2.3"})
		case "old":
			say(pveapi.Hello{Protocol: pveapi.Protocol + 1, Version: "0.9"})
		case "fails":
			say(pveapi.Hello{Protocol: pveapi.Protocol, Failure: &pveapi.Failure{Text: "no token"}})
		case "garbage":
			fmt.Println("Segmentation fault")
		case "half":
			fmt.Print(`{"id":1,"data":[{"no`)
		case "take":
			line, _ := in.ReadString('\n')
			note(h, "taken", line)
		case "backwards": // three requests, the last answered first
			for _, r := range []pveapi.Request{take(in), take(in), take(in)} {
				defer say(pveapi.Answer{ID: r.ID, Data: json.RawMessage(strconv.Quote(r.Path))})
			}
		case "refuse":
			say(pveapi.Answer{ID: take(in).ID, Failure: &pveapi.Failure{Refused: &pveapi.Error{
				Method: "GET", Path: "/nodes", Status: 403, Reason: "Permission check failed (/, Sys.Audit)", As: "a@pve!b", Fields: map[string]string{"x": "y"},
			}}})
		case "closed":
			_ = os.Stdout.Close()
		case "die":
			os.Exit(3)
		case "end": // of what it reads
			_, _ = io.Copy(io.Discard, in)
		case "hang": // as long as there is a parent
			for was := os.Getppid(); os.Getppid() == was; {
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}

func take(in *bufio.Reader) (r pveapi.Request) {
	line, _ := in.ReadString('\n')
	_ = json.Unmarshal([]byte(line), &r)
	return r
}

func say(word any) { _ = json.NewEncoder(os.Stdout).Encode(word) }

func note(h host, name, text string) {
	_ = os.WriteFile(h.path(name+".new"), []byte(text), 0o600)
	_ = os.Rename(h.path(name+".new"), h.path(name))
}
