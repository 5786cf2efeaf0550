// Package node is this Proxmox host as the product sees it: its root
// directory, the lock on a guest's config, whether a container runs, whether
// the cluster file system may be written, and the replacement of a file.
//
// Every path of the host lies under the root that Open was given. /proc and
// the network interfaces do not: they are those of the calling process, so a
// scratch tree in a network namespace of its own is a host of its own.
package node
