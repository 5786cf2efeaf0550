package web

import (
	"net"
	"net/http"
	"time"
)

// The longest that things may take. pveproxy itself waits 30 s for another
// node before it gives it up, and 3 s before it refuses a login.
const (
	connectLimit = 5 * time.Second
	answerLimit  = 40 * time.Second
)

// base is where Proxmox's API begins.
const base = "/api2/json"

// newHTTP is a client that trusts the pinned certificates alone and asks no
// proxy, whatever the environment says.
func newHTTP(p pin, dial Dial) *http.Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectLimit}).DialContext
	}
	return &http.Client{
		Timeout: answerLimit,
		Transport: &http.Transport{
			DialContext:         dial,
			TLSHandshakeTimeout: connectLimit,
			TLSClientConfig:     p.tls(),
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
