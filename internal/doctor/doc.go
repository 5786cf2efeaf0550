// Package doctor finds out whether the nodes are set up right: it looks at what
// is there (setup_*.go), and says of each thing whether it is in order, and what
// to do if it isn't (examine_*.go). Looking changes nothing and puts nothing on
// the network; examining is pure.
package doctor
