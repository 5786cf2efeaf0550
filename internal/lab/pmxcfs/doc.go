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
// A test makes a cluster with New and mounts each node on the /etc/pve of a
// scratch tree of its own:
//
//	c := pmxcfs.New("prod", "pve1", "pve2", "pve3")
//	err := c.Node("pve1").Mount(root + "/etc/pve")
//	t.Cleanup(func() { c.Node("pve1").Unmount() })
//
// That needs what lab.Require asks for: root and a mount namespace of its own,
// so that a killed test leaves no mount behind. Faults happen on demand:
// Intercept sees each call before it is done, with the id of the thread that
// makes it, and says what goes wrong with it, or lets it hang; Partition, Heal,
// Crash, Restart, Lag, Take and Advance change the world around.
//
// The process that holds the mounts must not end while one of its own threads
// waits for them: Unmount ends what is under way.
package pmxcfs
