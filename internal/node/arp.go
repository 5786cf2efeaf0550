package node

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"pve-iplease/internal/filelock"
)

// ARPShare keeps when the processes of this node send ARP packets on one
// uplink. It is lost at a reboot, as they are.
type ARPShare struct{ path string }

// ARPShare returns the one of a bridge.
func (h *Host) ARPShare(bridge string) ARPShare {
	return ARPShare{h.Path("/run/pve-iplease/arp/" + filepath.Base(bridge))}
}

// Now is the time since boot, suspended time included.
func (ARPShare) Now() time.Duration { return sinceBoot() }

// maxTurns bounds what is kept: more than the highest rate, for a minute.
const maxTurns = 1 << 16

// Change replaces what is kept under a lock: whole numbers of nanoseconds. What
// is no list of them counts as none.
func (s ARPShare) Change(ctx context.Context, f func([]time.Duration) []time.Duration) error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	turn, err := filelock.Take(ctx, s.path)
	if err != nil {
		return err
	}
	defer func() { _ = turn.Close() }()
	text, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	var taken []time.Duration
	for ; len(text) >= 8 && len(taken) < maxTurns; text = text[8:] {
		taken = append(taken, time.Duration(binary.LittleEndian.Uint64(text)))
	}
	all := f(believable(taken, s.Now()))
	out := make([]byte, 0, 8*len(all))
	for _, t := range all {
		out = binary.LittleEndian.AppendUint64(out, uint64(t))
	}
	return os.WriteFile(s.path, out, 0o600)
}

// farAhead is further than anybody reserves: a sweep takes one turn at a time,
// and a start gives up at its deadline.
const farAhead = 11 * time.Minute

// believable drops what nobody can have reserved.
func believable(taken []time.Duration, now time.Duration) []time.Duration {
	kept := taken[:0]
	for _, t := range taken {
		if t > 0 && t < now+farAhead {
			kept = append(kept, t)
		}
	}
	return kept
}
