package pveapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	proxmox "github.com/luthermonson/go-proxmox"
)

// web asks pveproxy over HTTPS.
type web struct{ client *proxmox.Client }

func (w *web) call(ctx context.Context, method, path string, params map[string]string, v any) error {
	var err error
	if method == http.MethodGet {
		if len(params) > 0 {
			err = w.client.GetWithParams(ctx, path, params, v)
		} else {
			err = w.client.Get(ctx, path, v)
		}
	} else {
		err = w.client.Put(ctx, path, params, v)
	}
	return plain(err)
}

// plain takes away the library's wrapping, which repeats method and address.
func plain(err error) error {
	var refused *Error
	if errors.As(err, &refused) {
		return refused
	}
	var where *url.Error
	if errors.As(err, &where) {
		host := where.URL
		if u, err := url.Parse(where.URL); err == nil {
			host = u.Host
		}
		return fmt.Errorf("the API at %s: %w", host, where.Err)
	}
	return err
}

// port is pveproxy's.
const port = "8006"

// listens reads from /etc/default/pveproxy which address pveproxy is bound to
// (pveproxy(8), LISTEN_IP); where it is all of them, the host's own is asked.
func listens(settings []byte) string {
	host := "127.0.0.1"
	for lines := bufio.NewScanner(bytes.NewReader(settings)); lines.Scan(); {
		value, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "LISTEN_IP=")
		a, err := netip.ParseAddr(strings.Trim(value, `"'`))
		if ok && err == nil && !a.IsUnspecified() {
			host = a.String()
		}
	}
	return net.JoinHostPort(host, port)
}
