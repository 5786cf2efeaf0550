// Package sim runs actors one step at a time, in an order that a seed chooses,
// so that any interleaving of theirs can be tried, found again and made
// smaller.
//
// An actor is an ordinary function that calls [Actor.At] wherever another
// actor could come in between: before each call of a file system, a network,
// a host. It runs as a coroutine (iter.Pull), so that a step costs a fraction
// of a microsecond and the operating system's scheduler decides nothing.
// A [Policy] says whose turn it is, and whether that actor goes on, is killed
// where it stands, is interrupted or sleeps for a while.
//
// It must run in a bubble of testing/synctest: there the clock stands still
// until every actor waits, for all code, and context deadlines keep to it.
package sim
