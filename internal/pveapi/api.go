package pveapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// TokenFile holds an API token for reading, a line USER@REALM!NAME=SECRET. With
// the role PVEAuditor it can do what audit needs, and nothing else.
const TokenFile = "/etc/pve-iplease/api-token"

// Options say whose API is asked, and through what.
type Options struct {
	Root  string            // in front of every path of the host; "/" is the host itself
	Start Start             // how to start pve-iplease-api
	Note  func(text string) // told when pvesh has to stand in; may be nil
}

// Start starts pve-iplease-api. What is written goes to its standard input,
// what is read comes from its standard output, and closing ends it.
type Start func(args ...string) (io.ReadWriteCloser, error)

// API asks Proxmox. It may be used by several goroutines.
type API struct {
	first  caller
	spare  caller // nil: there is none
	note   func(string)
	spares atomic.Bool // the spare has taken over
}

// caller carries one request; the answer's data is decoded into v.
type caller interface {
	call(ctx context.Context, r Request, v any) error
}

// The methods of requests.
const (
	Get = "GET"
	Put = "PUT"
)

// ForReading opens the API with the token of TokenFile where there is one,
// which can do less than root, and as root@pam otherwise.
func ForReading(o Options) (*API, error) { return open(o, Reading) }

// ForWriting opens the API as root@pam, which only root on a node can. Where
// pveproxy doesn't answer or doesn't accept our ticket, Proxmox's own command
// pvesh does the same, slower.
func ForWriting(o Options) (*API, error) { return open(o, Writing) }

func open(o Options, purpose string) (*API, error) {
	a := &API{note: o.Note}
	if sh, ok := findPvesh(o.Root); ok {
		a.spare = sh
	}
	p, err := startProgram(o, purpose)
	switch {
	case err == nil:
		a.first = p
	case a.spare == nil || !unheard(err):
		return nil, err
	default:
		a.stumble(err)
	}
	return a, nil
}

// Get reads; v is what the answer's data is decoded into. params may be nil.
func (a *API) Get(ctx context.Context, path string, params map[string]string, v any) error {
	return a.do(ctx, Request{Method: Get, Path: path, Params: params}, v)
}

// Put changes. Proxmox answers with nothing when it did.
func (a *API) Put(ctx context.Context, path string, params map[string]string) error {
	return a.do(ctx, Request{Method: Put, Path: path, Params: params}, nil)
}

func (a *API) do(ctx context.Context, r Request, v any) error {
	if !a.spares.Load() {
		err := a.first.call(ctx, r, v)
		if a.spare == nil || !unheard(err) {
			return err
		}
		a.stumble(err)
	}
	return a.spare.call(ctx, r, v)
}

// unheard reports whether a request was not even considered, so that it may be
// made another way. One that was sent and not answered may have been carried
// out.
func unheard(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Unheard
}

// stumble remembers and tells, once, that pvesh takes over.
func (a *API) stumble(err error) {
	if a.spares.CompareAndSwap(false, true) && a.note != nil {
		a.note(fmt.Sprintf("going on with pvesh, since %v", err))
	}
}
