//go:build !race

package hook_test

// seeds is how many seeds TestSimulation tries.
const seeds = 3500
