package web

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/pveapi"
)

// The longest that things may take. pveproxy itself waits 30 s for another
// node before it gives it up, and 3 s before it refuses a login.
const (
	connectLimit = 5 * time.Second
	answerLimit  = 40 * time.Second
)

// base is where Proxmox's API begins.
const base = "/api2/json"

// strict turns every refusal into an Error, so that nothing above it can take
// one for success.
type strict struct {
	next http.RoundTripper
	as   string
}

func (s strict) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(req)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	defer res.Body.Close()
	e := &pveapi.Error{
		Method: req.Method, Path: strings.TrimPrefix(req.URL.Path, base), Status: res.StatusCode, As: s.as,
		Reason: strings.TrimSpace(strings.TrimPrefix(res.Status, strconv.Itoa(res.StatusCode))),
	}
	var body struct {
		Errors map[string]string `json:"errors"`
	}
	if data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20)); err == nil && json.Unmarshal(data, &body) == nil {
		e.Fields = body.Errors
	}
	return nil, e
}

// newHTTP is a client that trusts the pinned certificates alone and asks no
// proxy, whatever the environment says.
func newHTTP(p pin, dial Dial, as string) *http.Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectLimit}).DialContext
	}
	return &http.Client{
		Timeout: answerLimit,
		Transport: strict{as: as, next: &http.Transport{
			DialContext:         dial,
			TLSHandshakeTimeout: connectLimit,
			TLSClientConfig:     p.tls(),
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
