//go:build race

package hook_test

// seeds is how many seeds TestSimulation tries: under the race detector a step
// costs ten times as much.
const seeds = 300
