package web

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	proxmox "github.com/luthermonson/go-proxmox"

	"pve-iplease/internal/pveapi"
)

// client asks pveproxy over HTTPS.
type client struct {
	http *proxmox.Client
	as   string // the user or the token that asks
}

func (c *client) ask(ctx context.Context, r pveapi.Request) (json.RawMessage, error) {
	var data json.RawMessage
	var err error
	switch {
	case r.Method == pveapi.Get && len(r.Params) > 0:
		err = c.http.GetWithParams(ctx, r.Path, r.Params, &data)
	case r.Method == pveapi.Get:
		err = c.http.Get(ctx, r.Path, &data)
	case r.Method == pveapi.Put:
		err = c.http.Put(ctx, r.Path, r.Params, nil)
	default:
		err = fmt.Errorf("%q is none of the methods", r.Method)
	}
	return data, c.refusal(err)
}

// refusal makes Proxmox's no an error of ours, in Proxmox's own words: those of
// HTTP's reason phrase. Other errors stay as they are.
func (c *client) refusal(err error) error {
	var no *proxmox.APIError
	if !errors.As(err, &no) {
		return err
	}
	return &pveapi.Error{
		Method: no.Method, Path: strings.TrimPrefix(no.Path, base), Status: no.StatusCode, Fields: no.Errors, As: c.as,
		Reason: strings.TrimSpace(strings.TrimPrefix(no.Status, strconv.Itoa(no.StatusCode))),
	}
}

// failure makes an error ready for its way.
func (c *client) failure(err error) *pveapi.Failure {
	// Who asks as root has another way.
	f := &pveapi.Failure{Text: plain(err).Error(), Stranger: errors.Is(err, pveapi.ErrCertificate), Unheard: c.as == pveapi.User && unheard(err)}
	if errors.As(err, &f.Refused) {
		f.Text = ""
	}
	return f
}

// unheard reports whether a request was not even considered, so that it may be
// made another way: nobody answered as this node's pveproxy, or it refused the
// ticket. One that was sent and not answered may have been carried out.
func unheard(err error) bool {
	var dial *net.OpError
	var noTLS tls.RecordHeaderError
	return errors.Is(err, pveapi.ErrLogin) || errors.Is(err, pveapi.ErrCertificate) || errors.As(err, &noTLS) ||
		errors.As(err, &dial) && dial.Op == "dial"
}

// plain takes away the library's wrapping, which repeats method and address.
func plain(err error) error {
	var where *url.Error
	if !errors.As(err, &where) {
		return err
	}
	host := where.URL
	if u, err := url.Parse(where.URL); err == nil {
		host = u.Host
	}
	return fmt.Errorf("the API at %s: %w", host, where.Err)
}
