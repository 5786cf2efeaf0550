package guest

import (
	"fmt"
	"strings"

	"pve-iplease/internal/pve"
)

// SetGenerated gives a host-managed interface other addresses in the file that
// Proxmox generates for LXC before it calls the hook (PVE::LXC,
// update_lxc_config). Like Set it changes nothing else: only the lines
// lxc.net.N.ipv4.address and .gateway, and those of ipv6, of the span that
// Proxmox wrote for this interface. One whose link is down has none there and
// gets none.
func SetGenerated(file []byte, n int, addrs ...Addr) ([]byte, error) {
	prefix := fmt.Sprintf("lxc.net.%d.", n)
	lines := strings.SplitAfter(string(file), "\n")
	from, to := generatedSpan(lines, prefix)
	if from < 0 {
		return nil, fmt.Errorf("net%d is not in the file that Proxmox generated for LXC; start the container through Proxmox", n)
	}
	if to == from {
		return file, nil
	}
	var out []string
	for _, l := range lines[from:to] {
		key, _, _ := strings.Cut(strings.TrimPrefix(l, prefix), " ")
		if family, ok := addressKey(key); !ok || !gets(addrs, family) {
			out = append(out, l)
		}
	}
	for _, a := range addrs {
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("net%d: %w", n, err)
		}
		ip := prefix + map[pve.Family]string{pve.IPv4: "ipv4.", pve.IPv6: "ipv6."}[pve.FamilyOf(a.Prefix.Addr())]
		out = append(out, ip+"address = "+a.Prefix.String()+"\n")
		if a.Gateway.IsValid() {
			out = append(out, ip+"gateway = "+a.Gateway.String()+"\n")
		}
	}
	all := append(append(append([]string{}, lines[:from]...), out...), lines[to:]...)
	return []byte(strings.Join(all, "")), nil
}

// generatedSpan finds the lines that Proxmox wrote for an interface, up to the
// last, its flags; those that an administrator added stand further down. The
// span is empty when there are no flags, and from is -1 when there is none.
func generatedSpan(lines []string, prefix string) (from, to int) {
	from = -1
	for i, l := range lines {
		switch {
		case from < 0 && strings.HasPrefix(l, prefix+"type "):
			from = i
		case from >= 0 && !strings.HasPrefix(l, prefix):
			return from, from
		case from >= 0 && strings.HasPrefix(l, prefix+"flags "):
			return from, i
		}
	}
	return from, from
}

// addressKey tells which family a key of LXC's is about.
func addressKey(key string) (f pve.Family, ok bool) {
	switch key {
	case "ipv4.address", "ipv4.gateway":
		return pve.IPv4, true
	case "ipv6.address", "ipv6.gateway":
		return pve.IPv6, true
	}
	return 0, false
}

func gets(addrs []Addr, f pve.Family) bool {
	for _, a := range addrs {
		if pve.FamilyOf(a.Prefix.Addr()) == f {
			return true
		}
	}
	return false
}
