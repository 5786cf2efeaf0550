package pve

import (
	"fmt"
	"strings"
)

// MaxNICs is how many interfaces a guest can have, net0 to net31
// (PVE::LXC::Config, PVE::QemuServer).
const MaxNICs = 32

// NICs is a set of a guest's interfaces, one bit each. The zero value is net0
// alone.
type NICs uint32

// AllNICs is every interface that a guest can have.
const AllNICs = NICs(1<<MaxNICs - 1)

// Has reports whether netN is in the set.
func (s NICs) Has(n int) bool {
	if s == 0 {
		return n == 0
	}
	return n >= 0 && n < MaxNICs && s&(1<<n) != 0
}

// With is the set and netN.
func (s NICs) With(n int) NICs { return s | 1<<n }

// String reads as in a pools file: all, or net0,net2.
func (s NICs) String() string {
	if s == AllNICs {
		return "all"
	}
	var names []string
	for n := range MaxNICs {
		if s.Has(n) {
			names = append(names, fmt.Sprintf("net%d", n))
		}
	}
	return strings.Join(names, ",")
}
