//go:build !race

package hook_test

// seeds is how many seeds TestSimulation tries.
const seeds = 3500

// together is how many tests run side by side.
const together = "12"
