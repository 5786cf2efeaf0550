package pveapi

import (
	"encoding/json"
	"errors"
)

// Protocol is the number of what follows. pve-iplease and pve-iplease-api may
// be of two versions, as long as they have it in common.
const Protocol = 1

// What pve-iplease-api is started for, its last argument.
const (
	Reading = "read"
	Writing = "write"
)

// Hello is the first thing that pve-iplease-api says, when it knows whether it
// can ask at all. Then it reads requests and writes answers, each a JSON object,
// the answers in any order; it ends when its input does.
type Hello struct {
	Protocol int      `json:"protocol"`
	Version  string   `json:"version"`
	Failure  *Failure `json:"failure,omitempty"`
}

// Request is something to ask Proxmox.
type Request struct {
	ID     int               `json:"id"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Params map[string]string `json:"params,omitempty"`
}

// Answer is what Proxmox said to the request of the same number.
type Answer struct {
	ID      int             `json:"id"`
	Data    json.RawMessage `json:"data,omitempty"`
	Failure *Failure        `json:"failure,omitempty"`
}

// Failure is an error that has come from pve-iplease-api, or of it.
type Failure struct {
	Refused  *Error `json:"refused,omitempty"`  // Proxmox's no; else
	Text     string `json:"text,omitempty"`     // what went wrong,
	Stranger bool   `json:"stranger,omitempty"` // which is ErrCertificate.
	Unheard  bool   `json:"unheard,omitempty"`  // The request was not considered.
}

// ErrCertificate means that whoever answered is not this node's pveproxy.
var ErrCertificate = errors.New("its certificate is not this node's")

func (f *Failure) Error() string {
	if f.Refused != nil {
		return f.Refused.Error()
	}
	return f.Text
}

// Unwrap makes it what it was before its way.
func (f *Failure) Unwrap() error {
	switch {
	case f.Refused != nil:
		return f.Refused
	case f.Stranger:
		return ErrCertificate
	}
	return nil
}
