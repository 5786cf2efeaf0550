package web_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pveproxy"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/pveapi/web"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// cluster is a scratch host with its API daemon, which waits for nothing.
type cluster struct {
	t       testing.TB
	root    string
	address string
	daemon  *pveproxy.Server
	mu      sync.Mutex
	notes   []string
	paused  time.Duration
	pipe    io.Closer // what was opened last
}

// Its cpulimit without cores is what go-proxmox can't read.
const container = "arch: amd64\ncpulimit: 0.5\nhookscript: local:snippets/other\nhostname: web\nmemory: 512\nnet0: name=eth0,bridge=vmbr0\n"

// newCluster starts a node with container 101 and VM 200; change is called
// before the daemon is.
func newCluster(t testing.TB, change func(*pveproxy.Server)) *cluster {
	t.Helper()
	c := &cluster{t: t, root: t.TempDir()}
	c.write("etc/pve/nodes/pve1/lxc/101.conf", container)
	c.write("etc/pve/nodes/pve1/qemu-server/200.conf", "name: db\n")
	c.write("etc/pve/nodes/pve2/lxc/102.conf", container)
	if err := os.Symlink("nodes/pve1", c.path("etc/pve/local")); err != nil {
		t.Fatal(err)
	}
	if err := pveproxy.Keys(c.root); err != nil {
		t.Fatal(err)
	}
	c.write("var/lib/vz/snippets/pve-iplease", "#!/bin/sh\n")
	if err := os.Chmod(c.path("var/lib/vz/snippets/pve-iplease"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.daemon = &pveproxy.Server{Root: c.root, Node: "pve1", Pause: c.pause}
	if change != nil {
		change(c.daemon)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := c.daemon.Serve(l); err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	return c
}

func (c *cluster) path(name string) string { return filepath.Join(c.root, name) }

func (c *cluster) write(name, text string) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) read(name string) string {
	c.t.Helper()
	data, err := os.ReadFile(c.path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

func (c *cluster) pause(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused += d
}

func (c *cluster) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, text)
}

func (c *cluster) options() web.Options { return web.Options{Root: c.root, Address: c.address} }

// open is the API through what pve-iplease-api does, in this process.
func (c *cluster) open(as func(pveapi.Options) (*pveapi.API, error), o web.Options) (*pveapi.API, error) {
	return as(pveapi.Options{Root: o.Root, Note: c.note, Start: func(args ...string) (io.ReadWriteCloser, error) {
		o.Purpose = args[2]
		pipe := serve(o)
		c.pipe = pipe
		return pipe, nil
	}})
}

// serve answers what is written into what it returns.
func serve(o web.Options) io.ReadWriteCloser {
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	go func() { out.CloseWithError(web.Serve(o, "1.2.3", in, out)) }()
	return &pipes{requests, answers}
}

type pipes struct {
	*io.PipeWriter
	answers *io.PipeReader
}

func (p *pipes) Read(b []byte) (int, error) { return p.answers.Read(b) }
func (p *pipes) Close() error               { return errors.Join(p.PipeWriter.Close(), p.answers.Close()) }

// asRoot is the API as root on the node.
func (c *cluster) asRoot() *pveapi.API {
	c.t.Helper()
	a, err := c.open(pveapi.ForWriting, c.options())
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

const secret = "audit@pve!iplease=00112233-4455-6677-8899-aabbccddeeff"

// asToken is the API for reading with the token above.
func (c *cluster) asToken() *pveapi.API {
	c.t.Helper()
	c.write(pveapi.TokenFile, secret+"\n")
	a, err := c.open(pveapi.ForReading, c.options())
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}
