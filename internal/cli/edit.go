package cli

import (
	"context"
	"errors"
	"fmt"

	"pve-iplease/internal/config"
	"pve-iplease/internal/hook"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// edit is a change of the pools file in the making, under the lock.
type edit struct {
	pools  *config.Config // what the file says now
	leases *lease.Table
}

// tolerance is which problems a new pools file may have that the old one had
// not.
type tolerance uint8

const (
	nothing      tolerance = iota
	unlessForced           // nothing, but with --force warnings
	warnings
)

// change decides by what the pools file says what to change in it, checks the
// outcome as a whole, and writes. Nothing is written when the new file would
// have a problem that is not to be borne.
func (a *app) change(ctx context.Context, bear tolerance, decide func(edit) ([]config.Change, error)) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	ctx, cancel := deadline(ctx, h)
	defer cancel()
	return h.EditPools(ctx, a.editing(h, bear, decide))
}

// plan is change without the writing.
func (a *app) plan(ctx context.Context, bear tolerance, decide func(edit) ([]config.Change, error)) error {
	h, err := a.host()
	if err != nil {
		return err
	}
	return h.TryPools(ctx, a.editing(h, bear, decide))
}

func (a *app) editing(h *hook.Host, bear tolerance, decide func(edit) ([]config.Change, error)) hook.PoolsEdit {
	return func(text []byte, t *lease.Table) ([]byte, error) {
		pools, _ := config.Parse(h.PoolsFile, text)
		changes, err := decide(edit{pools, t})
		if err != nil {
			return nil, err
		}
		after, err := config.Edit(h.PoolsFile, text, changes...)
		if err != nil {
			return nil, err
		}
		return after, a.object(config.Fresh(h.PoolsFile, text, after), bear)
	}
}

// errKept ends a change that was refused; the reasons are told before it.
var errKept = errors.New("the pools file stays as it was")

// object tells what is wrong with a new pools file, and refuses it if that is
// not to be borne.
func (a *app) object(problems []config.Problem, bear tolerance) error {
	broken := false
	for _, p := range problems {
		text := p.Section + ": " + p.Text // its line is that of a file which may never be written
		if p.Warning {
			a.log().Warn(text, report.Fields{})
			continue
		}
		a.log().Error(text, report.Fields{})
		broken = true
	}
	switch {
	case broken:
		return errKept
	case len(problems) == 0 || bear == warnings:
		return nil
	case bear == unlessForced:
		return fmt.Errorf("%w; '--force' writes it all the same", errKept)
	}
	return errKept
}
