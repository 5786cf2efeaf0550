// Package pmxcfs is a stand-in for Proxmox's cluster file system in tests: a
// FUSE file system, really mounted, once for each node of a small cluster that
// lives in the memory of one process.
//
// The nodes share an ordered log of messages, as pmxcfs's do through corosync
// (dfsm.c). Each keeps its own copy of the tree and applies the messages in
// the same order; who changes something waits until its own node has applied
// it (dcdb.c). What a message does to the tree follows memdb.c, what the
// kernel sees follows cfs-plug*.c, pmxcfs.c and libfuse 2: locks are local to
// a node, writes come in messages of at most 128 KiB, a rename over an open
// file is not atomic, lock directories expire when asked to after 120 s.
//
// Faults happen on demand: see Fault, Cluster.Partition, Node.Crash.
package pmxcfs
