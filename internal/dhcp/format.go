package dhcp

import (
	"bytes"
	"strings"
)

// Format is a kind of file that a DHCP server writes or reads.
type Format uint8

// The formats. KeaConfig is a part that a Kea configuration includes, too.
const (
	Unknown Format = iota
	DnsmasqLeases
	DnsmasqConfig
	DnsmasqHosts
	ISCLeases
	ISCConfig
	KeaLeases
	KeaConfig
	NetworkdLeases
)

// formats says of each format whose it is and who reads it.
var formats = [...]struct {
	server Server
	parse  func(string) Contents
}{
	Unknown:        {"", parseUnknown},
	DnsmasqLeases:  {Dnsmasq, parseDnsmasqLeases},
	DnsmasqConfig:  {Dnsmasq, parseDnsmasqConfig},
	DnsmasqHosts:   {Dnsmasq, parseDnsmasqHosts},
	ISCLeases:      {ISC, parseISCLeases},
	ISCConfig:      {ISC, parseISCConfig},
	KeaLeases:      {Kea, parseKeaLeases},
	KeaConfig:      {Kea, parseKeaConfig},
	NetworkdLeases: {Networkd, parseNetworkdLeases},
}

// Server is the program that the format belongs to; empty for Unknown.
func (f Format) Server() Server { return formats[f].server }

// Parse reads a file of a format.
func Parse(f Format, data []byte) Contents { return formats[f].parse(string(data)) }

func parseUnknown(string) Contents {
	var c Contents
	c.problem(0, "it is no file of dnsmasq, ISC dhcpd, Kea or systemd-networkd")
	return c
}

// sniffed is how much of a file is looked at to tell its format.
const sniffed = 64 << 10

// Sniff tells a file's format by what stands in it, for a path of which
// nothing else is known.
func Sniff(data []byte) Format {
	head := string(data[:min(len(data), sniffed)])
	if keaHeader(head) {
		return KeaLeases
	}
	if body := bytes.TrimSpace(stripComments([]byte(head))); len(body) > 0 && body[0] == '{' {
		if strings.Contains(head, `"HardwareAddress"`) || strings.Contains(head, `"BootID"`) {
			return NetworkdLeases
		}
		return KeaConfig
	}
	for line := range strings.Lines(head) {
		if f := sniffLine(strings.TrimSpace(line)); f != Unknown {
			return f
		}
	}
	return Unknown
}

// sniffLine tells the format by one line of a file that has no header.
func sniffLine(line string) Format {
	word := strings.Fields(line)
	switch {
	case len(word) == 0 || line[0] == '#':
		return Unknown
	case word[0] == "lease" && strings.HasSuffix(line, "{"), word[0] == "server-duid", word[0] == "authoring-byte-order":
		return ISCLeases
	case word[0] == "duid" || dnsmasqLease(word):
		return DnsmasqLeases
	case word[0] == "subnet" || word[0] == "shared-network" || word[0] == "host" || strings.HasSuffix(line, ";"):
		return ISCConfig
	case strings.HasPrefix(line, "dhcp-") || strings.HasPrefix(line, "conf-dir") || strings.HasPrefix(line, "interface="):
		return DnsmasqConfig
	}
	return Unknown
}
