package sim

import (
	"math/rand/v2"
	"time"
)

// Deed is what befalls the actor whose turn it is.
type Deed uint8

// The deeds.
const (
	Go        Deed = iota // it takes its step
	Kill                  // it ends before the step, as by SIGKILL
	Interrupt             // it gets a signal, then takes its step
	Stall                 // it sleeps before the step
)

func (d Deed) String() string { return [...]string{"goes on", "killed", "interrupted", "stalls"}[d] }

// Pick is one decision.
type Pick struct {
	Actor string
	Deed  Deed
	For   time.Duration // how long it stalls
}

// Policy decides. ready is never empty; waiting are those who go on when
// enough time has passed, and picking one of them lets it pass.
type Policy interface {
	Pick(ready, waiting []*Actor) Pick
}

// Do carries out a decision about an actor that is there.
func (s *Sim) Do(p Pick) error {
	a := s.find(p.Actor)
	if a == nil {
		return nil
	}
	s.picks = append(s.picks, p)
	if t, ok := a.until(time.Now()); ok && p.Deed == Go && !a.may(time.Now()) {
		s.Pass(time.Until(t))
		if !a.may(time.Now()) {
			return nil // its stall is over, and it still has to wait
		}
	}
	step := a.step
	step.At, step.Deed = time.Since(s.began), p.Deed
	s.trace = append(s.trace, step)
	switch p.Deed {
	case Stall:
		a.stalled = time.Now().Add(p.For)
		return nil
	case Kill:
		a.dying = true
		a.stop()
	case Interrupt:
		a.Interrupt()
		a.resume()
	default:
		a.resume()
	}
	if a.panicked != nil {
		return a.panicked
	}
	return s.Check()
}

// find returns the living actor of a name.
func (s *Sim) find(name string) *Actor {
	for _, a := range s.actors {
		if a.Name == name && !a.done && !a.dying {
			return a
		}
	}
	return nil
}

// Random is the policy that a seed drives.
type Random struct {
	Rand   *rand.Rand
	Stick  float64 // how likely the same actor goes on, while it can
	Faults float64 // how likely a step goes wrong
	Budget int     // how often at most

	last string
}

var stalls = [...]time.Duration{
	100 * time.Millisecond, time.Second, 10 * time.Second, 40 * time.Second, 130 * time.Second, 10 * time.Minute,
}

// Pick implements Policy.
func (r *Random) Pick(ready, waiting []*Actor) Pick {
	a := r.choose(ready, waiting)
	r.last = a.Name
	p := Pick{Actor: a.Name}
	if r.Budget > 0 && r.Faults > 0 && !a.Safe && r.Rand.Float64() < r.Faults {
		r.Budget--
		p.Deed = Deed(1 + r.Rand.IntN(3))
		p.For = stalls[r.Rand.IntN(len(stalls))]
		if p.Deed == Interrupt && a.Interrupt == nil {
			p.Deed = Kill
		}
	}
	return p
}

func (r *Random) choose(ready, waiting []*Actor) *Actor {
	if r.Rand.Float64() < r.Stick {
		for _, a := range ready {
			if a.Name == r.last {
				return a
			}
		}
	}
	if len(waiting) > 0 && r.Rand.IntN(16) == 0 {
		a := waiting[r.Rand.IntN(len(waiting))]
		if t, _ := a.until(time.Now()); time.Until(t) < 2*time.Second || r.Rand.IntN(64) == 0 {
			return a
		}
	}
	return ready[r.Rand.IntN(len(ready))]
}

// Replay is the policy that makes given decisions, as far as they still can
// be made, and then lets everybody go on in turn.
type Replay struct {
	Picks []Pick
	turn  int
}

// Pick implements Policy.
func (r *Replay) Pick(ready, waiting []*Actor) Pick {
	for len(r.Picks) > 0 {
		p := r.Picks[0]
		r.Picks = r.Picks[1:]
		for _, a := range ready {
			if a.Name == p.Actor && (p.Deed != Interrupt || a.Interrupt != nil) {
				return p
			}
		}
		for _, a := range waiting {
			if a.Name == p.Actor && p.Deed == Go {
				return p
			}
		}
	}
	r.turn++
	return Pick{Actor: ready[r.turn%len(ready)].Name}
}
