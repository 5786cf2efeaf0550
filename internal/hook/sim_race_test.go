//go:build race

package hook_test

// seeds is how many seeds TestSimulation tries: under the race detector a step
// costs ten times as much.
const seeds = 300

// together is how many tests run side by side: each starts processes, which
// cost as much more, and have deadlines.
const together = "6"
