package sim

import (
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"
)

// Step is one step of one actor.
type Step struct {
	At           time.Duration // since the run began
	Deed         Deed
	Actor        string
	What, Detail string
}

// text is what the step does.
func (s Step) text() string {
	if s.Detail == "" {
		return s.What
	}
	return s.What + " " + s.Detail
}

func (s Step) String() string {
	text := fmt.Sprintf("%9.3fs  %-22s %s", s.At.Seconds(), s.Actor, s.text())
	if s.Deed != Go {
		text += "  ** " + s.Deed.String()
	}
	return text
}

// Sim is one run.
type Sim struct {
	// Check is called after every step; an error ends the run.
	Check func() error
	// BeforePass is called before time passes.
	BeforePass func()
	// Limit is the number of steps after which somebody certainly waits for
	// ever.
	Limit int

	seed   uint64
	began  time.Time
	actors []*Actor
	trace  []Step
	picks  []Pick

	ready, waiting []*Actor // the last survey's
}

// New returns a run without actors. seed is for what the actors themselves
// leave to chance.
func New(seed uint64) *Sim {
	return &Sim{Check: func() error { return nil }, BeforePass: func() {}, Limit: 1 << 20, seed: seed, began: time.Now()}
}

// Start adds an actor. parent is who starts it, nil for nobody.
func (s *Sim) Start(parent *Actor, name, home string, f func(*Actor)) *Actor {
	a := &Actor{Name: s.unique(name), Home: home, sim: s, parent: parent}
	a.step = Step{Actor: a.Name, What: "begin"}
	a.start(f)
	a.resume() // up to its first point
	s.actors = append(s.actors, a)
	return a
}

// Daemon adds an actor that never ends and is not waited for.
func (s *Sim) Daemon(name, home string, f func(*Actor)) *Actor {
	a := s.Start(nil, name, home, f)
	a.Idle, a.Safe = true, true
	return a
}

// unique makes a name differ from those of all who live.
func (s *Sim) unique(name string) string {
	n := 1
	for _, a := range s.actors {
		if a.Name == name || strings.HasPrefix(a.Name, name+" #") {
			n++
		}
	}
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s #%d", name, n)
}

// Fell kills every actor of a host except the caller, as a power loss does.
func (s *Sim) Fell(home string, except *Actor) {
	for _, a := range s.actors {
		if a.Home == home && a != except && !a.Safe {
			a.Doom()
		}
	}
}

// Trace is what happened.
func (s *Sim) Trace() []Step { return s.trace }

// Picks are the decisions that were made; Replay makes them again.
func (s *Sim) Picks() []Pick { return s.picks }

// Steps is the number of steps taken.
func (s *Sim) Steps() int { return len(s.trace) }

// Run lets the actors act until all have ended.
func (s *Sim) Run(p Policy) error {
	for {
		ready, waiting, live := s.survey()
		switch {
		case live == 0:
			return nil
		case len(s.trace) > s.Limit:
			return fmt.Errorf("after %d steps there is no end: %s", len(s.trace), s.Waiting())
		case len(ready) == 0:
			if !s.advance() {
				return errors.New("these wait for ever: " + s.Waiting())
			}
			continue
		}
		if err := s.Do(p.Pick(ready, waiting)); err != nil {
			return err
		}
	}
}

// survey buries the dead, and lists who may go on and who waits for a time.
func (s *Sim) survey() (ready, waiting []*Actor, live int) {
	now := time.Now()
	keep := s.actors[:0]
	ready, waiting = s.ready[:0], s.waiting[:0]
	for _, a := range s.actors {
		if a.dying && !a.done {
			a.stop()
		}
		if a.done {
			continue
		}
		keep = append(keep, a)
		if !a.Idle {
			live++
		}
		if a.may(now) {
			ready = append(ready, a)
		} else if _, ok := a.until(now); ok {
			waiting = append(waiting, a)
		}
	}
	clear(s.actors[len(keep):])
	s.actors, s.ready, s.waiting = keep, ready, waiting
	return ready, waiting, live
}

// advance lets time pass until somebody may go on.
func (s *Sim) advance() bool {
	first := soonest(s.actors)
	if first == nil {
		return false
	}
	t, _ := first.until(time.Now())
	s.Pass(time.Until(t))
	return true
}

// soonest is who may go on first when nobody does anything; nil: nobody.
func soonest(actors []*Actor) (first *Actor) {
	now := time.Now()
	var least time.Time
	for _, a := range actors {
		if t, ok := a.until(now); ok && !a.done && (first == nil || t.Before(least)) {
			first, least = a, t
		}
	}
	return first
}

// Pass lets time pass.
func (s *Sim) Pass(d time.Duration) {
	s.BeforePass()
	time.Sleep(max(d, 1))
	synctest.Wait() // for what a timer started
}

// Waiting says what those who live are about to do.
func (s *Sim) Waiting() string {
	var out []string
	for _, a := range s.actors {
		if !a.done && !a.Idle {
			out = append(out, a.Name+": "+a.step.What)
		}
	}
	return strings.Join(out, "; ")
}

// Close ends the actors that are left.
func (s *Sim) Close() {
	for _, a := range s.actors {
		if !a.done {
			a.dying = true
			a.stop()
		}
	}
}
