package lease

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pve-iplease/internal/pve"
)

// proxyThreshold is the number of addresses from which on who answers for all
// of them is a proxy, not their owner.
const proxyThreshold = 3

// ProxyARPError means that one host, or one guest's port with whatever MACs, claims
// every address that was asked for.
type ProxyARPError struct {
	MAC   pve.MAC // with which it spoke first
	Port  string  // of the guest; empty: only the MAC is known
	Addrs []netip.Addr
}

func (e *ProxyARPError) Error() string {
	names := make([]string, len(e.Addrs))
	for i, a := range e.Addrs {
		names[i] = a.String()
	}
	return fmt.Sprintf("%s answers for %s: a proxy or a misconfigured host claims every address; find it and stop it",
		e.MAC, strings.Join(names, ", "))
}

// ProxyARP finds who answers for too many of the addresses asked: a guest's port,
// since a guest can speak with any MAC, or else a MAC.
func ProxyARP(heard []Heard) *ProxyARPError {
	port := func(h Heard, i int) (string, bool) {
		if i >= len(h.Ports) {
			return "", false
		}
		_, _, guest := pve.PortOwner(h.Ports[i])
		return h.Ports[i], guest
	}
	if l := findProxy(heard, port); l != nil {
		for _, h := range heard {
			for i, m := range h.By {
				if p, ok := port(h, i); ok && p == l.Port && l.MAC.IsZero() {
					l.MAC = m
				}
			}
		}
		return l
	}
	return findProxy(heard, func(h Heard, i int) (pve.MAC, bool) { return h.By[i], true })
}

// findProxy finds who answers too often, by what tells voices apart.
func findProxy[T comparable](heard []Heard, who func(h Heard, i int) (T, bool)) *ProxyARPError {
	said := map[T][]netip.Addr{}
	for _, h := range heard {
		for i := range h.By {
			id, ok := who(h, i)
			if !h.Taken || !ok || slices.Contains(said[id], h.Addr) {
				continue
			}
			said[id] = append(said[id], h.Addr)
			if len(said[id]) < proxyThreshold {
				continue
			}
			l := &ProxyARPError{Addrs: said[id]}
			switch id := any(id).(type) {
			case pve.MAC:
				l.MAC = id
			case string:
				l.Port = id
			}
			return l
		}
	}
	return nil
}

// Without is what was heard by all ports but a guest's. ok is false where that
// can't be told apart: somebody was heard, and nobody knows by which port. An
// address for which nobody else was heard counts as silent when silence proves
// something.
func Without(port string, heard []Heard, proves bool) (rest []Heard, ok bool) {
	for _, h := range heard {
		was := len(h.By)
		next := Heard{Addr: h.Addr, Taken: h.Taken, Contended: h.Contended, Silent: h.Silent}
		for i, m := range h.By {
			switch {
			case i >= len(h.Ports) || h.Ports[i] == "":
				return nil, false
			case h.Ports[i] != port:
				next.By, next.Ports = append(next.By, m), append(next.Ports, h.Ports[i])
			}
		}
		if was > 0 && len(next.By) == 0 {
			next.Taken, next.Contended, next.Silent = false, false, proves
		}
		rest = append(rest, next)
	}
	return rest, true
}
