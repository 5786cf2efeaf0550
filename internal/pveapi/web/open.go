package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	proxmox "github.com/luthermonson/go-proxmox"

	"pve-iplease/internal/pveapi"
)

// Options say where the API is and who asks; in a test more than in the program.
type Options struct {
	Root    string    // in front of every path of the host
	Purpose string    // pveapi.Reading or Writing
	Now     time.Time // the zero value is the present
	Address string    // instead of what this node's pveproxy listens on
	Dial    Dial      // how to connect; nil as usual
}

// Dial is net.Dialer's DialContext.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func (o Options) path(name string) string { return filepath.Join("/", o.Root, name) }

// open finds out who asks: a token, where it is for reading and there is one,
// else root, with a ticket that this process makes.
func open(o Options) (*client, error) {
	if o.Purpose == pveapi.Reading {
		t, err := readToken(o.path(pveapi.TokenFile))
		switch {
		case err == nil:
			return o.asToken(t)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the API token: %w", err)
		}
	}
	c, err := o.asRoot()
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("only root on a node can do this: %w", err)
	}
	if err != nil {
		return nil, &pveapi.Failure{Text: err.Error(), Unheard: true}
	}
	return c, nil
}

func (o Options) asToken(t token) (*client, error) {
	p, err := readPin(o.path)
	if err != nil {
		return nil, err
	}
	http := proxmox.WithHTTPClient(newHTTP(p, o.Dial))
	return &client{as: t.id, http: proxmox.NewClient(o.url(), http, proxmox.WithAPIToken(t.id, t.secret))}, nil
}

func (o Options) asRoot() (*client, error) {
	p, err := readPin(o.path)
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	t, err := makeTicket(o.path, now)
	if err != nil {
		return nil, err
	}
	http := proxmox.WithHTTPClient(newHTTP(p, o.Dial))
	return &client{as: pveapi.User, http: proxmox.NewClient(o.url(), http, proxmox.WithSession(t.cookie, t.csrf))}, nil
}

func (o Options) url() string {
	address := o.Address
	if address == "" {
		settings, _ := os.ReadFile(o.path("/etc/default/pveproxy"))
		address = listens(settings)
	}
	return "https://" + address + base
}
