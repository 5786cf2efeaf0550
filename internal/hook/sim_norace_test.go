//go:build !race

package hook_test

// seeds is how many seeds TestSimulation tries.
const seeds = 5000

// together is how many tests run side by side.
const together = "12"
