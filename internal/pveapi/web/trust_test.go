package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pve-iplease/internal/lab"
	"pve-iplease/internal/lab/pveproxy"
	"pve-iplease/internal/pveapi"
	"pve-iplease/internal/pveapi/web"
)

func TestOnlyThisNodesCertificateIsTrusted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	// An administrator's own certificate that the daemon doesn't use yet.
	if err := pveproxy.Certificate(c.path("etc/pve/local/pveproxy-ssl.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.asRoot().Nodes(t.Context()); err != nil {
		t.Errorf("the certificate in use until the daemon is started again: %v", err)
	}
	if err := pveproxy.Certificate(c.path("etc/pve/local/pve-ssl.pem")); err != nil {
		t.Fatal(err)
	}
	_, err := c.asRoot().Nodes(t.Context())
	text := "the API at " + c.address + ": its certificate is not this node's: it is not in " + c.path("etc/pve/local/pveproxy-ssl.pem") +
		"; 'systemctl restart pveproxy' makes it use the present one"
	if !errors.Is(err, pveapi.ErrCertificate) || err.Error() != text {
		t.Errorf("somebody else's: %v", err)
	}
	if log := c.daemon.Log(); len(log) != 1 {
		t.Errorf("a stranger was told %q", log)
	}
}

// A name that the certificate doesn't have, its end years ago and its unknown
// signer don't matter; that is what the other tests' certificate is like.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	c := newCluster(t, nil)
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:9")
	}
	if _, err := c.asRoot().Nodes(t.Context()); err != nil {
		t.Error(err)
	}
}

// go-proxmox's own client waits for ever for a daemon that hangs.
func TestADaemonThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	cert, err := tls.LoadX509KeyPair(c.path("etc/pve/local/pve-ssl.pem"), c.path("etc/pve/local/pve-ssl.key"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() { // shakes hands, and then reads for ever
			s := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}})
			buf := make([]byte, 1024)
			for {
				if _, err := s.Read(buf); err != nil {
					return
				}
			}
		}()
		o := c.options()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		a, err := c.open(pveapi.ForWriting, o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.pipe.Close()
		begin := time.Now()
		_, err = a.Nodes(context.Background())
		if took := time.Since(begin); err == nil || took != 40*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestTokenFileMustBePrivate(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(s *pveproxy.Server) { s.Tokens = map[string][]string{secret: {"VM.Audit"}} })
	if _, err := c.asToken().Guests(t.Context()); err != nil {
		t.Error(err)
	}
	file := c.path(pveapi.TokenFile)
	for mode, want := range map[os.FileMode]string{
		0o640: "the API token: " + file + " has the mode 0640, and others could use the token; run 'chmod 600 " + file + "', and make a new token if they may have read it",
		0o604: "the API token: " + file + " has the mode 0604, and others could use the token; run 'chmod 600 " + file + "', and make a new token if they may have read it",
	} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := c.open(pveapi.ForReading, c.options()); err == nil || err.Error() != want {
			t.Errorf("%o: %v", mode, err)
		}
	}
	for _, text := range []string{"", "\n", "x", "audit@pve!iplease", "audit@pve!iplease=hunter2", "audit@pve!iplease=" + strings.Repeat("0", 36) + "\nmore"} {
		c.write("t/"+pveapi.TokenFile, text)
		o := c.options()
		o.Root = c.path("t")
		if _, err := c.open(pveapi.ForReading, o); err == nil || !strings.HasPrefix(err.Error(), "the API token: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHostsThatAreNoNodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := new(cluster).open(pveapi.ForWriting, web.Options{Root: dir})
	want := fmt.Sprintf("this node has no certificate in %s/etc/pve/local/pve-ssl.pem; is this a Proxmox node, and pve-cluster up?", dir)
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// pvesh stands in where the daemon doesn't.
func TestPveshIsTheFallback(t *testing.T) {
	t.Parallel()
	lab.Require(t) // pvesh is for root
	const script = `#!/bin/sh
printf '%s ' "$@" >>"${0%/*}/log"
case "$2" in
/nodes) echo '[{"node":"pve1","status":"online"}]' ;;
/nodes/pve2/*) echo "ssh: connect to host 10.0.0.12 port 22: No route to host" >&2; exit 255 ;;
*) echo "detected modified configuration - file changed by other user? Try again." >&2; exit 255 ;;
esac
`
	tests := map[string]struct {
		spoil func(c *cluster, o *web.Options)
		note  string
	}{
		"nobody listens": {func(_ *cluster, o *web.Options) { o.Address = "127.0.0.1:9" }, "connect: connection refused"},
		"wrong certificate": {func(c *cluster, _ *web.Options) {
			if err := pveproxy.Certificate(c.path("etc/pve/local/pve-ssl.pem")); err != nil {
				t.Error(err)
			}
		}, "its certificate is not this node's"},
		"ticket refused": {func(_ *cluster, o *web.Options) { o.Now = time.Now().Add(-3 * time.Hour) }, "doesn't accept root@pam"},
		"no key":         {func(c *cluster, _ *web.Options) { _ = os.Remove(c.path("etc/pve/priv/authkey.key")) }, "the cluster's key: open "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, nil)
			c.write("usr/bin/pvesh", script)
			if err := os.Chmod(c.path("usr/bin/pvesh"), 0o755); err != nil {
				t.Fatal(err)
			}
			o := c.options()
			tt.spoil(c, &o)
			a, err := c.open(pveapi.ForWriting, o)
			if err != nil {
				t.Fatal(err)
			}
			if nodes, err := a.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].Name != "pve1" {
				t.Errorf("%v, %v", nodes, err)
			}
			err = a.SetConfig(t.Context(), "pve1", 0, 101, map[string]string{"hookscript": "local:snippets/pve-iplease"}, "00ff")
			if !errors.Is(err, pveapi.ErrChanged) {
				t.Error(err)
			}
			if _, err := a.Interfaces(t.Context(), "pve2", 102); !errors.Is(err, pveapi.ErrNodeDead) {
				t.Error(err)
			}
			const want = "get /nodes --output-format json " +
				"set /nodes/pve1/lxc/101/config --output-format json --digest 00ff --hookscript local:snippets/pve-iplease " +
				"get /nodes/pve2/lxc/102/interfaces --output-format json "
			if got := c.read("usr/bin/log"); got != want {
				t.Errorf("pvesh was called %q, want %q", got, want)
			}
			if len(c.notes) != 1 || !strings.HasPrefix(c.notes[0], "going on with pvesh, since ") || !strings.Contains(c.notes[0], tt.note) {
				t.Errorf("notes %q", c.notes)
			}
		})
	}
}
