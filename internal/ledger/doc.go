// Package ledger keeps the lease table in a file that every node of a cluster
// shares: View reads it without a lock, Update changes it under one.
//
// # Places
//
// On Proxmox's cluster file system the ledger has two slots, ledger.0 and
// ledger.1, that are written in turn; the newest whole one counts, so that a
// write that broke off takes nothing away. Writers queue for a flock below
// /run, then for the lock directory that one node of the cluster at a time can
// have. Anywhere else the ledger is one file, replaced by renaming, with a
// flock beside it. What a killed process leaves, the next one takes up or
// clears away; a ledger that lost its content is ErrDamaged, never empty, and so is
// one that is gone altogether from a node that remembers to have used it.
//
// # Format
//
// The ledger is text, JSON lines. The first line is the header:
//
//	{"format":1,"sha256":"…","generation":7,"bytes":230,"leases":2,"cluster":"prod","nodes":{"pve1":{"version":"1.0.0","probers":["BC:24:11:00:01:00"]}}}
//
// Its first two members stand first in every format there will be: format,
// and the SHA-256 of the whole ledger without those 64 digits themselves, so
// that damage anywhere is noticed and told from a newer format. generation
// grows by one with every write, bytes is the length of all that follows the
// header's line, leases the number of lines in it. cluster is the name of the
// cluster that the ledger belongs to, empty on a host of its own.
//
// One line a lease follows, sorted by address:
//
//	{"a":"10.0.0.201","s":"vmbr0","o":"ct/101","m":"bc2411000100","c":"k3f9a2c1 pve1 1a2b3c4d 7ps0 t63hxc","g":6}
//
// Members that have their default value are left out:
//
//	a         address
//	s         bridge
//	vlan      VLAN ID, when tagged
//	nodes     nodes whose bridge it is, joined by commas, when not all
//	o         owner: ct/101, or ct/101/net1 for another interface than net0
//	m         MAC address, 12 hexadecimal digits
//	c         claim: id, node, boot, time since that boot in 10 ms, time
//	          (the last two to base 36); "-" stands for an empty part
//	g         generation of the record's last change
//	b r f x   the state (bound, released, offered, conflicted) and since when;
//	          without any it is bound since the claim's time
//	until     how long an offer stands
//	was       the address that the guest's config named when it was claimed
//	origin    static or reserved, when not from a pool
//	unproven  true: started without proof on the wire
//	freed     true: released by hand
//	contested true: another had the address, named it or was heard with it, and
//	          nothing has proved since that it is free
//	vouched   who may name the address at an administrator's word, joined by commas
//	missing   when the guest was first seen to be on no node
//	p         of a conflict: where the stranger was heard, node:port
//
// Times are Unix seconds, 0 for none. Members that this version doesn't know
// survive a rewrite.
package ledger
