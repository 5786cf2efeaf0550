// Package probe proves on the wire whether somebody uses an IPv4 address: ARP
// probes (RFC 5227 §2.1.1) sent from a Proxmox bridge, and a judgement whether
// that bridge could have heard an answer at all. It never calls an address
// free because nothing could be heard.
package probe

import "time"

// Pace is how a window of probes runs in time. The zero value is not useful:
// take a Preset.
type Pace struct {
	Probes   int           // probes for each candidate
	Interval time.Duration // between two probes for a candidate
	Jitter   time.Duration // each interval is off by up to this much, either way
	Wait     time.Duration // how long to listen after the last probe
}

// Preset returns the pace that a pool names; the empty name is the default.
func Preset(name string) (Pace, bool) {
	switch name {
	case "", "default":
		// Misses 0.05 % at worst of hosts behind a lossy Wi-Fi, and still
		// hears one that takes 400 ms to answer.
		return Pace{Probes: 4, Interval: 100 * time.Millisecond, Jitter: 20 * time.Millisecond, Wait: 200 * time.Millisecond}, true
	case "fast":
		return Pace{Probes: 3, Interval: 60 * time.Millisecond, Jitter: 12 * time.Millisecond, Wait: 150 * time.Millisecond}, true
	case "careful":
		return Pace{Probes: 4, Interval: 250 * time.Millisecond, Jitter: 50 * time.Millisecond, Wait: 750 * time.Millisecond}, true
	case "rfc5227":
		// PROBE_NUM, PROBE_MIN to PROBE_MAX, ANNOUNCE_WAIT (RFC 5227 §1.1).
		return Pace{Probes: 3, Interval: 1500 * time.Millisecond, Jitter: 500 * time.Millisecond, Wait: 2 * time.Second}, true
	}
	return Pace{}, false
}

// Window is how long a window lasts when nobody answers, jitter aside.
func (p Pace) Window() time.Duration {
	return time.Duration(p.Probes-1)*p.Interval + p.Wait
}
