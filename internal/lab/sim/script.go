package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Until lets an actor, and those it started, go on until one of them is about
// to take a step that begins with what, or, if what is empty, until all of
// them have ended or idle. Nobody else acts but daemons.
func (s *Sim) Until(name, what string) error {
	root := s.find(name)
	if root == nil {
		return fmt.Errorf("there is no %s (%s)", name, s.Waiting())
	}
	for range s.Limit {
		s.survey()
		group := s.group(root)
		if what == "" && !slices.ContainsFunc(group, func(a *Actor) bool { return !a.Idle }) {
			return nil
		}
		if len(group) == 0 {
			return fmt.Errorf("%s ended without coming to %q", name, what)
		}
		for _, a := range group {
			if what != "" && strings.HasPrefix(a.step.text(), what) {
				return nil
			}
		}
		if err := s.stepOne(group); err != nil {
			return fmt.Errorf("%s on its way to %q: %w", name, what, err)
		}
	}
	return fmt.Errorf("%s does not come to %q", name, what)
}

// group lists an actor and its descendants, the youngest first.
func (s *Sim) group(root *Actor) (out []*Actor) {
	for i := len(s.actors) - 1; i >= 0; i-- {
		if a := s.actors[i]; !a.done && a.serves(root) {
			out = append(out, a)
		}
	}
	return out
}

// stepOne lets the first of a group that can go on, or a daemon, or time.
func (s *Sim) stepOne(group []*Actor) error {
	group = append(group, s.daemons()...)
	for _, a := range group {
		if a.may(time.Now()) {
			return s.Do(Pick{Actor: a.Name})
		}
	}
	soon := soonest(group)
	if soon == nil {
		return fmt.Errorf("it waits for others: %s", s.Waiting())
	}
	return s.Do(Pick{Actor: soon.Name})
}

func (s *Sim) daemons() (out []*Actor) {
	for _, a := range s.actors {
		if a.Safe && a.Idle && !a.done {
			out = append(out, a)
		}
	}
	return out
}

// Rest lets everybody go on in turn until all have ended.
func (s *Sim) Rest() error { return s.Run(&Replay{}) }
