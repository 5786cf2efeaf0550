package dhcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Write writes reservations in a format that a server reads: DnsmasqConfig and
// ISCConfig are lines that a configuration includes, DnsmasqHosts is a file
// for dhcp-hostsdir, and KeaConfig the list "reservations" of one subnet. The list
// must be one that Unique returned, and of IPv4.
func Write(f Format, list []Reservation) string {
	switch f {
	case DnsmasqConfig:
		return writeEach(list, func(r Reservation) string { return "dhcp-host=" + dnsmasqHost(r) })
	case DnsmasqHosts:
		return writeEach(list, dnsmasqHost)
	case ISCConfig:
		return writeEach(list, iscHost)
	case KeaConfig:
		return writeKea(list)
	}
	return ""
}

func writeEach(list []Reservation, host func(Reservation) string) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString(host(r))
	}
	return b.String()
}

// dnsmasqHost is what dnsmasq calls a host. A name that dnsmasq would take for
// another thing (option.c, LOPT_DHCP_HOST) is left out.
func dnsmasqHost(r Reservation) string {
	line := r.MAC.String() + "," + r.Addr.String()
	if name := HostName(r.Name); name != "" && !dnsmasqWord(name) {
		line += "," + name
	}
	return line + "\n"
}

// dnsmasqWord reports whether a name is a keyword or reads like a lease time.
func dnsmasqWord(s string) bool {
	return s == "ignore" || s == "infinite" || strings.Trim(strings.TrimRight(s, "smhdw"), "0123456789") == ""
}

func iscHost(r Reservation) string {
	name := ""
	if n := HostName(r.Name); n != "" {
		name = fmt.Sprintf("\toption host-name \"%s\";\n", n)
	}
	return fmt.Sprintf("host pve-iplease-%s {\n\thardware ethernet %s;\n\tfixed-address %s;\n%s}\n",
		strings.ReplaceAll(r.Addr.String(), ".", "-"), strings.ToLower(r.MAC.String()), r.Addr, name)
}

func writeKea(list []Reservation) string {
	type host struct {
		MAC  string `json:"hw-address"`
		Addr string `json:"ip-address"`
		Name string `json:"hostname,omitempty"`
	}
	hosts := make([]host, len(list))
	for i, r := range list {
		hosts[i] = host{strings.ToLower(r.MAC.String()), r.Addr.String(), HostName(r.Name)}
	}
	text, _ := json.MarshalIndent(hosts, "", "  ") // texts never fail
	return string(text) + "\n"
}

// Unique sorts reservations by address and drops what servers refuse, or would
// understand in their own way: a second one of an address, of a MAC address or
// of a name, of which the name alone goes, and one without a MAC address.
func Unique(list []Reservation) (kept []Reservation, dropped []Dropped) {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Reservation) int { return a.Addr.Compare(b.Addr) })
	names := map[string]bool{}
	for _, r := range sorted {
		same := slices.IndexFunc(kept, func(k Reservation) bool { return k.Addr == r.Addr || k.MAC == r.MAC })
		switch {
		case r.MAC.IsZero():
			dropped = append(dropped, Dropped{r, "its MAC address is not known"})
			continue
		case same >= 0 && kept[same].Addr == r.Addr:
			dropped = append(dropped, Dropped{r, fmt.Sprintf("%s has the same address", kept[same].MAC)})
			continue
		case same >= 0:
			dropped = append(dropped, Dropped{r, fmt.Sprintf("%s has the same MAC address, %s", kept[same].Addr, r.MAC)})
			continue
		}
		if name := HostName(r.Name); names[name] {
			r.Name = ""
		} else {
			names[name] = true
		}
		kept = append(kept, r)
	}
	return kept, dropped
}

// Dropped is a reservation that is not written, and why.
type Dropped struct {
	Reservation
	Why string
}

// HostName makes a label of a guest's name, as it may stand in DNS (RFC 1123
// §2.1): its first part, in lower case; empty if nothing is left.
func HostName(name string) string {
	label, _, _ := strings.Cut(strings.ToLower(name), ".")
	label = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-':
			return r
		case r == '_' || r == ' ':
			return '-'
		}
		return -1
	}, label)
	return strings.Trim(label[:min(len(label), 63)], "-")
}
