package config

import (
	"fmt"
	"strings"
	"time"

	"pve-iplease/internal/lease"
)

// longest is where a duration plainly means "forever".
const longest = 100 * 365 * 24 * time.Hour

// unit is the length of the units that a duration may have.
func unit(c byte) (time.Duration, bool) {
	switch c {
	case 's':
		return time.Second, true
	case 'm':
		return time.Minute, true
	case 'h':
		return time.Hour, true
	case 'd':
		return 24 * time.Hour, true
	case 'w':
		return 7 * 24 * time.Hour, true
	}
	return 0, false
}

// parseDuration reads whole numbers with units: 30s, 90m, 24h, 7d, 1d12h.
func parseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%s is no duration; write numbers with a unit s, m, h, d or w, like 30s, 24h, 7d", quote(s))
	var sum, n time.Duration
	digits := false
	for i := range len(s) {
		if c := s[i]; '0' <= c && c <= '9' {
			n, digits = min(10*n+time.Duration(c-'0'), longest), true
			continue
		}
		u, ok := unit(s[i])
		if !ok || !digits {
			return 0, wrong
		}
		if n > (longest-sum)/u {
			return 0, fmt.Errorf("%s is over a hundred years", quote(s))
		}
		sum, n, digits = sum+n*u, 0, false
	}
	if digits || s == "" {
		return 0, wrong
	}
	return sum, nil
}

// parseHold reads how long a stopped guest keeps its address.
func parseHold(s string) (time.Duration, error) {
	if strings.EqualFold(s, "forever") {
		return lease.Forever, nil
	}
	d, err := parseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%w; forever is allowed, too", err)
	}
	return d, nil
}
