// Package lease decides which guest owns which address. It is pure: no files,
// no network, no clock. Callers hand in the time and what they saw of the
// world and get back decisions together with the reasons for them.
package lease
