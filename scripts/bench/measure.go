package main

import (
	"fmt"
	"slices"
	"strings"
)

// measure runs the suites, and reports after each.
func (b *bench) measure(r *reporter) error {
	r.machine = describeMachine(b)
	r.head(r.machine)
	for _, s := range suites() {
		if len(b.suites) > 0 && !slices.Contains(b.suites, s.name) {
			continue
		}
		results, err := b.runSuite(s, r.progress)
		if err != nil {
			return fmt.Errorf("suite %s: %w", s.name, err)
		}
		if err := r.add(s, results); err != nil {
			return err
		}
	}
	r.done()
	return nil
}

func (b *bench) runSuite(s suite, p *progress) ([]result, error) {
	var all []result
	for _, bl := range s.blocks(b) {
		results, err := b.runBlock(bl, p, s.name+", "+bl.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", bl.name, err)
		}
		all = append(all, results...)
	}
	return all, nil
}

// turns is how often the rows of a block are measured.
func (b *bench) turns() int { return b.scale(b.runs, 1) }

// runBlock lets the rows take turns. The first turn warms up: caches, the
// kernel's neighbour tables, the program's pages.
func (b *bench) runBlock(bl block, p *progress, what string) ([]result, error) {
	var later cleanup
	defer later.run()
	defer p.clear()
	p.say("%s: getting ready", what)
	rows, err := bl.open(&later)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, r := range rows {
		if b.only == nil || b.only.MatchString(strings.Join(r.labels, ", ")) {
			results = append(results, result{row: r})
		}
	}
	first := 0
	if b.quick {
		first = 1
	}
	for turn := first; turn <= b.turns(); turn++ {
		if bl.before != nil {
			if err := bl.before(turn); err != nil {
				return nil, err
			}
		}
		for i := range results {
			r := &results[i]
			if !r.due(turn) {
				continue
			}
			p.say("%s: %s, %s", what, turnName(turn, b.turns()), strings.Join(r.labels, " "))
			r.take(turn)
		}
	}
	return results, nil
}

func turnName(turn, of int) string {
	if turn == 0 {
		return "warming up"
	}
	return fmt.Sprintf("run %d of %d", turn, of)
}

// due tells whether a row is measured in this turn. What has failed three
// times, and never done anything else, is left alone.
func (r *result) due(turn int) bool {
	switch {
	case r.missing != "", turn == 0 && r.cold, r.most > 0 && turn > r.most:
		return false
	}
	return len(r.failed) < 3 || len(r.samples) > 0
}

func (r *result) take(turn int) {
	s, err := r.measure(turn)
	switch {
	case turn == 0:
	case err != nil:
		r.failed = append(r.failed, err)
	default:
		r.samples = append(r.samples, s)
	}
}
