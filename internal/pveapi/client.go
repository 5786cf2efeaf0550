package pveapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	proxmox "github.com/luthermonson/go-proxmox"
)

// Options say where the API is and who asks.
type Options struct {
	Path    func(string) string // where a file of the host is
	Now     time.Time           // the zero value is the present
	Address string              // instead of what this node's pveproxy listens on
	Note    func(string)        // told when pvesh has to stand in; may be nil
	Dial    Dial                // how to connect; nil as usual
}

// Dial is net.Dialer's DialContext.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// API asks Proxmox. It may be used by several goroutines.
type API struct {
	first  caller
	spare  caller // nil: there is none
	note   func(string)
	spares atomic.Bool // the spare has taken over
}

// caller carries one request; the answer's data is decoded into v.
type caller interface {
	call(ctx context.Context, method, path string, params map[string]string, v any) error
}

// ForReading opens the API with the token of TokenFile where there is one,
// which can do less than root, and as root@pam otherwise.
func ForReading(o Options) (*API, error) {
	t, err := readToken(o.Path(TokenFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ForWriting(o)
	case err != nil:
		return nil, fmt.Errorf("the API token: %w", err)
	}
	p, err := readPin(o.Path)
	if err != nil {
		return nil, err
	}
	web := &web{proxmox.NewClient(o.url(), proxmox.WithHTTPClient(newHTTP(p, o.Dial, t.id)), proxmox.WithAPIToken(t.id, t.secret))}
	return &API{first: web}, nil
}

// ForWriting opens the API as root@pam, which only root on a node can. Where
// pveproxy doesn't answer or doesn't accept our ticket, Proxmox's own command
// pvesh does the same, slower.
func ForWriting(o Options) (*API, error) {
	a := &API{note: o.Note}
	if sh, ok := findPvesh(o.Path); ok {
		a.spare = sh
	}
	w, err := rootWeb(o)
	switch {
	case err == nil:
		a.first = w
	case a.spare == nil && errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("only root on a node can do this: %w", err)
	case a.spare == nil:
		return nil, err
	default:
		a.stumble(err)
	}
	return a, nil
}

// rootWeb is pveproxy with a ticket that this process made.
func rootWeb(o Options) (*web, error) {
	p, err := readPin(o.Path)
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	t, err := makeTicket(o.Path, now)
	if err != nil {
		return nil, err
	}
	client := proxmox.WithHTTPClient(newHTTP(p, o.Dial, ticketUser))
	return &web{proxmox.NewClient(o.url(), client, proxmox.WithSession(t.cookie, t.csrf))}, nil
}

func (o Options) url() string {
	address := o.Address
	if address == "" {
		settings, _ := os.ReadFile(o.Path("/etc/default/pveproxy"))
		address = listens(settings)
	}
	return "https://" + address + base
}

// Get reads; v is what the answer's data is decoded into. params may be nil.
func (a *API) Get(ctx context.Context, path string, params map[string]string, v any) error {
	return a.do(ctx, http.MethodGet, path, params, v)
}

// Put changes. Proxmox answers with nothing when it did.
func (a *API) Put(ctx context.Context, path string, params map[string]string) error {
	return a.do(ctx, http.MethodPut, path, params, nil)
}

func (a *API) do(ctx context.Context, method, path string, params map[string]string, v any) error {
	if !a.spares.Load() {
		err := a.first.call(ctx, method, path, params, v)
		if a.spare == nil || !unheard(err) {
			return err
		}
		a.stumble(err)
	}
	return a.spare.call(ctx, method, path, params, v)
}

// unheard reports whether a request was not even considered, so that it may be
// made another way: nobody answered as this node's pveproxy, or it refused the
// ticket. One that was sent and not answered may have been carried out.
func unheard(err error) bool {
	var dial *net.OpError
	var noTLS tls.RecordHeaderError
	return errors.Is(err, ErrLogin) || errors.Is(err, ErrCertificate) || errors.As(err, &noTLS) ||
		errors.As(err, &dial) && dial.Op == "dial"
}

// stumble remembers and tells, once, that pvesh takes over.
func (a *API) stumble(err error) {
	if a.spares.CompareAndSwap(false, true) && a.note != nil {
		a.note(fmt.Sprintf("going on with pvesh, since %v", err))
	}
}
