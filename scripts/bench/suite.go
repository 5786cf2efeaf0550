package main

// suite asks one question of several subjects under several conditions, and
// becomes one table.
type suite struct {
	name     string // for -suite
	title    string
	question string   // in one sentence
	labels   []string // headings of what tells the rows apart
	columns  []column
	notes    []string // how it was measured, what to mind
	blocks   func(*bench) []block
	charts   func([]result) []chart // nil: none
}

// suites are all, in the order in which they are run.
func suites() []suite {
	return []suite{startSuite(), scanSuite(), truthSuite(), costSuite(), growthSuite()}
}

func suiteNames() []string {
	var names []string
	for _, s := range suites() {
		names = append(names, s.name)
	}
	return names
}

// block is a part of a suite whose rows share a world, and take turns in it:
// whatever else the machine does hits all of them alike.
type block struct {
	name string // for the progress
	// open makes the world and says which rows there are; what it defers is
	// done when the last row has been measured, or when open fails.
	open func(later *cleanup) ([]row, error)
	// before is called before each turn of all the rows, numbered from 1; 0 is
	// the turn that warms up and is not counted. It may be nil.
	before func(turn int) error
}

// row is a subject under a condition.
type row struct {
	labels  []string
	missing string // why it cannot be measured; empty if it can
	most    int    // it is measured no more often than that; 0: as often as asked
	cold    bool   // the turn that warms up is left out, for what takes minutes
	measure func(turn int) (sample, error)
}

// sample is what was measured in one run, by the names that columns know.
type sample map[string]float64

// result is a row with what became of it.
type result struct {
	row
	samples []sample
	failed  []error // runs that yielded nothing
}

// bench is what all suites need.
type bench struct {
	options
	program string // the copy of the program that is run
}

// scale is a number for a real run, and one for a quick one.
func (b *bench) scale(full, quick int) int {
	if b.quick {
		return quick
	}
	return full
}

// cleanup is what must be done at the end, the last first.
type cleanup struct{ todo []func() error }

func (c *cleanup) add(f func() error) { c.todo = append(c.todo, f) }

func (c *cleanup) run() {
	for i := len(c.todo) - 1; i >= 0; i-- {
		_ = c.todo[i]() // the kernel removes what is left when this process ends
	}
	c.todo = nil
}
