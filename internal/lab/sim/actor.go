package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Actor is one process. Its methods, apart from those that say so, are for its
// own function to call.
type Actor struct {
	Name string
	// Home names the host that the actor runs on; see Sim.Fell.
	Home string
	// Interrupt is what a signal does to it; nil: it can't be interrupted.
	Interrupt func()
	// Safe keeps it from all but Go.
	Safe bool
	// Idle says that nobody waits for its end.
	Idle bool
	// For is on whose behalf it acts, if that isn't who started it.
	For *Actor

	sim    *Sim
	parent *Actor
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	step    Step      // what it does next
	wake    time.Time // no earlier than this, or when ready becomes true
	ready   func() bool
	stalled time.Time

	rand        *rand.Rand
	dying, done bool
	exit        []func()
	panicked    error
}

// killed unwinds an actor.
type killed struct{}

// start makes the coroutine; f does not begin before the first step.
func (a *Actor) start(f func(*Actor)) {
	a.resume, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		defer a.end()
		a.At("begin")
		f(a)
	})
}

// end is the actor's last deed, however it came to it: the kernel closes its
// files.
func (a *Actor) end() {
	if r := recover(); r != nil && r != (killed{}) {
		a.panicked = fmt.Errorf("%s panicked: %v\n%s", a.Name, r, debug.Stack())
	}
	a.done = true
	for i := len(a.exit) - 1; i >= 0; i-- {
		a.exit[i]()
	}
}

// At is a scheduling point: others may go on before the actor does what, with
// detail, it names.
func (a *Actor) At(what string, detail ...string) {
	a.wake, a.ready = time.Time{}, nil
	a.pause(what, detail...)
}

// Sleep lets time pass.
func (a *Actor) Sleep(d time.Duration, what string) {
	a.wake, a.ready = time.Now().Add(d), nil
	a.pause(what)
}

// Await waits until ready is true, which it returns, or ctx ends.
func (a *Actor) Await(ctx context.Context, what string, ready func() bool) bool {
	a.wake = time.Time{}
	if end, ok := ctx.Deadline(); ok {
		a.wake = end
	}
	a.ready = func() bool { return ctx.Err() != nil || ready() }
	a.pause(what)
	return ready()
}

func (a *Actor) pause(what string, detail ...string) {
	a.step = Step{Actor: a.Name, What: what}
	if len(detail) > 0 {
		a.step.Detail = detail[0]
	}
	if a.dying || !a.yield(struct{}{}) {
		a.dying = true
		panic(killed{})
	}
}

// OnExit has f called when the actor ends, also when it is killed.
func (a *Actor) OnExit(f func()) { a.exit = append(a.exit, f) }

// Done reports whether the actor has ended. Anybody may ask.
func (a *Actor) Done() bool { return a == nil || a.done || a.dying }

// Descends reports whether the actor is b or was started by it, directly or
// not.
func (a *Actor) Descends(b *Actor) bool {
	for ; a != nil; a = a.parent {
		if a == b {
			return true
		}
	}
	return false
}

// Rand is the actor's own source of chance: what others do doesn't change it.
func (a *Actor) Rand() *rand.Rand {
	if a.rand == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(a.Name))
		a.rand = rand.New(rand.NewPCG(a.sim.seed, h.Sum64()))
	}
	return a.rand
}

// serves reports whether the actor acts for b, directly or not.
func (a *Actor) serves(b *Actor) bool {
	for a != nil && a != b {
		if a.For != nil {
			a = a.For
		} else {
			a = a.parent
		}
	}
	return a == b
}

// Parent is who started the actor; nil for the first ones.
func (a *Actor) Parent() *Actor { return a.parent }

// Doom kills another actor before the next step.
func (a *Actor) Doom() {
	if !a.done {
		a.dying = true
	}
}

// may reports whether the actor can take its step now.
func (a *Actor) may(now time.Time) bool {
	switch {
	case a.stalled.After(now):
		return false
	case a.ready != nil && a.ready():
		return true
	case a.wake.IsZero():
		return a.ready == nil
	}
	return !a.wake.After(now)
}

// until is when it is worth looking at the actor again although nobody did
// anything; false: only others can set it going.
func (a *Actor) until(now time.Time) (time.Time, bool) {
	if a.stalled.After(now) {
		return a.stalled, true
	}
	return a.wake, !a.wake.IsZero()
}
