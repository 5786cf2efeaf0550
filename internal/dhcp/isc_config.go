package dhcp

import "pve-iplease/internal/pve"

// parseISCConfig reads dhcpd.conf(5): range and host declarations, wherever
// they stand.
func parseISCConfig(text string) Contents {
	var c Contents
	r := &iscReader{text: text, line: 1}
	for {
		s, ok := r.next()
		if !ok {
			break
		}
		c.iscDeclaration(s)
	}
	if r.cut != 0 {
		c.problem(r.cut, "the file ends within this declaration")
	}
	return c
}

func (c *Contents) iscDeclaration(s statement) {
	switch s.word(0) {
	case "range", "range6":
		c.iscRange(s)
	case "host":
		c.iscHost(s)
		return
	case "include":
		c.References = append(c.References, Reference{Format: ISCConfig, Path: s.word(1)})
	case "lease-file-name":
		c.References = append(c.References, Reference{Format: ISCLeases, Path: s.word(1)})
	}
	for _, b := range s.block {
		c.iscDeclaration(b)
	}
}

// iscRange reads range [dynamic-bootp] LOW [HIGH].
func (c *Contents) iscRange(s statement) {
	word := s.words[1:]
	if len(word) > 0 && word[0] == "dynamic-bootp" {
		word = word[1:]
	}
	if len(word) == 1 {
		word = append(word[:1:1], word[0])
	}
	if len(word) >= 2 {
		if r, ok := spanOf(word[0], word[1]); ok {
			c.Ranges = append(c.Ranges, r)
			return
		}
	}
	if s.word(0) == "range" { // a range6 may be a prefix, or temporary
		c.problem(s.line, "its range has no first and last address")
	}
}

// iscHost reads host NAME { hardware ethernet MAC; fixed-address ADDRESS, …; }.
// A fixed address may be a host name, which is not looked up here; a host that
// was added at run time may have been deleted again.
func (c *Contents) iscHost(s statement) {
	r := Reservation{Name: s.word(1)}
	var addrs []string
	for _, b := range s.block {
		switch b.word(0) {
		case "hardware":
			r.MAC, _ = pve.ParseMAC(b.word(2))
		case "fixed-address", "fixed-address6":
			addrs = append(addrs, b.words[1:]...)
		case "deleted":
			return
		}
	}
	for _, w := range addrs {
		if a, ok := addrOf(w); ok {
			r.Addr = a
			c.Reservations = append(c.Reservations, r)
		}
	}
}
