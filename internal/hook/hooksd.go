package hook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/report"
)

// A guest has one place for a hookscript, and ours takes it. So the programs
// in this directory are called in every phase after ours, like run-parts(8)
// does it.
const hooksDir = "/etc/pve-iplease/hooks.d"

// must is the ending of a name whose failure aborts a guest's start.
const must = ".must"

// hookLimit is how long one of them may take: Proxmox itself has no limit, and
// the guest and everybody who works on it wait meanwhile.
const hookLimit = 5 * time.Second

// extraHook is an executable in the directory.
type extraHook struct{ name, path string }

// extraHooks lists the directory in the order of the names. Where there is no
// directory that costs one system call.
func extraHooks(root string) []extraHook {
	dir := below(root, hooksDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var all []extraHook
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err == nil && runParts(e.Name()) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			all = append(all, extraHook{e.Name(), path})
		}
	}
	return all
}

// runParts accepts the names that run-parts does, so that what editors and
// packages leave behind is not run, and our ending.
func runParts(name string) bool {
	name = strings.TrimSuffix(name, must)
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// mandatory reports whether the guest must not start when the hook fails.
func (e extraHook) mandatory(p Phase) bool { return p == PreStart && strings.HasSuffix(e.name, must) }

// runExtra calls the hooks after ours ended with a code, and returns the code
// of it all. Before a start that ours refused they are not called.
func (h *Host) runExtra(ctx context.Context, c Call, hooks []extraHook, code int) int {
	if len(hooks) == 0 || c.Phase == PreStart && code != OK {
		return code
	}
	r := run{Hook: h.Hook, id: c.VMID, phase: c.Phase}
	env := r.environment(ctx)
	for i, e := range hooks {
		if ctx.Err() != nil {
			return r.cutShort(ctx, hooks[i:], code)
		}
		err := h.Node.Trust(e.path)
		if err == nil {
			err = r.call(ctx, e, env)
		}
		switch {
		case err == nil:
		case e.mandatory(c.Phase):
			r.Log.Error(fmt.Sprintf("hooks.d/%s: %v: CT %s must not start", e.name, err, r.id), r.about(lease.Grant{}, "refused"))
			r.abandon(ctx)
			return Failed
		default:
			r.warn(lease.Grant{}, "hooks.d/%s: %v", e.name, err)
		}
	}
	if ctx.Err() != nil {
		return r.cutShort(ctx, nil, code)
	}
	return code
}

// cutShort is for the hooks that nobody has time for any more. A start must not
// go on without one that it needs.
func (r *run) cutShort(ctx context.Context, left []extraHook, code int) int {
	late := errors.Is(context.Cause(ctx), context.DeadlineExceeded)
	why := "the deadline is over"
	if !late {
		why = fmt.Sprintf("stopped by %v", context.Cause(ctx))
	}
	for _, e := range left {
		if late && e.mandatory(r.phase) {
			r.Log.Error(fmt.Sprintf("%s: hooks.d/%s was not called: CT %s must not start; see what delays the programs before it, or raise 'deadline' in node.cfg", why, e.name, r.id),
				r.about(lease.Grant{}, "refused"))
			r.abandon(ctx)
			return Failed
		}
	}
	if len(left) > 0 {
		r.warn(lease.Grant{}, "%s: hooks.d/%s and those after it were not called", why, left[0].name)
	}
	if late {
		return code
	}
	return max(code, Failed)
}

// abandon ends the lease of a start that goes no further: Proxmox calls no
// post-stop for it, and a lease that stays bound could never go to anybody
// else. The guest keeps the address in its config, and has it back if it starts
// before the pool needs it.
func (r *run) abandon(ctx context.Context) {
	if ctx.Err() != nil { // no time to wait for the ledger
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
		defer cancel()
		if end, free, ok := r.ended(late, r.kind()); ok {
			r.leaveUnreleased(late, end)
			free()
		}
		return
	}
	stop := *r
	stop.phase, stop.stays = PostStop, true
	stop.postStop(ctx)
}

// errTooLong ends a hook.
var errTooLong = fmt.Errorf("it took more than %s and was ended", hookLimit)

// call runs one hook and tells what it says.
func (r *run) call(ctx context.Context, e extraHook, env []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, hookLimit, errTooLong)
	defer cancel()
	lines := 0
	err := runGroup(ctx, e.path, []string{r.id.String(), string(r.phase)}, env, func(line string) {
		lines++
		switch {
		case lines <= hookLines:
			r.Log.Info("hooks.d/"+e.name+": "+report.Clean(line), r.about(lease.Grant{}, "note"))
		case lines == hookLines+1:
			r.Log.Info("hooks.d/"+e.name+": and more", r.about(lease.Grant{}, "note"))
		}
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it was ended at the deadline")
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("it can't be run: %w", err)
	}
	return err
}

// hookLines is how many lines of a hook's output are told.
const hookLines = 50
