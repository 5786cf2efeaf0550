package pmxcfs

import "time"

// Latency is how long calls take that corosync decides, beside the time that
// the stand-in itself needs. The zero value adds nothing.
type Latency struct {
	Mkdir, Rmdir, Write, Other time.Duration // Other: all other changes
}

// Measured is what three nodes with a real corosync took: the cluster's lock
// was held for 25 to 30 ms a claim.
var Measured = Latency{Mkdir: 7 * time.Millisecond, Rmdir: 2 * time.Millisecond, Write: 8 * time.Millisecond, Other: 4 * time.Millisecond}

// Take has every call from now on take this long.
func (c *Cluster) Take(l Latency) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency = l
}

func (l Latency) of(o Op) time.Duration {
	switch {
	case !o.Change(), o.Call == "chmod", o.Call == "chown": // the node answers by itself
		return 0
	case o.Call == "mkdir":
		return l.Mkdir
	case o.Call == "rmdir":
		return l.Rmdir
	case o.Call == "write":
		return l.Write
	}
	return l.Other
}
