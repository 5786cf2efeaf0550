package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// scanFound reads the JSON of pve-iplease's scan. That the scan can't tell
// about the silent addresses is an error beside those that were found.
func scanFound(out string) (all []netip.Addr, err error) {
	var told struct {
		Networks []struct {
			Doubt     string
			Addresses []struct {
				Address netip.Addr
				MAC     string
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil {
		return nil, fmt.Errorf("pve-iplease scan printed no JSON: %w", err)
	}
	for _, n := range told.Networks {
		if n.Doubt != "" {
			err = errors.New("pve-iplease scan can't tell: " + n.Doubt)
		}
		for _, a := range n.Addresses {
			if a.MAC != "" { // others are named by configs alone
				all = append(all, a.Address)
			}
		}
	}
	return all, err
}

// nmapFound reads nmap's grepable output (-oG).
func nmapFound(out string) ([]netip.Addr, error) {
	return eachLine(out, func(line string) string {
		host, status, _ := strings.Cut(line, "\t")
		f := strings.Fields(host)
		if len(f) < 2 || f[0] != "Host:" || strings.TrimSpace(status) != "Status: Up" {
			return ""
		}
		return f[1]
	})
}

// arpScanFound reads what arp-scan prints with -q and -x: an address and a
// MAC address, separated by a tab.
func arpScanFound(out string) ([]netip.Addr, error) {
	return eachLine(out, func(line string) string {
		addr, _, _ := strings.Cut(line, "\t")
		return addr
	})
}

// fpingFound reads what fping prints with -a and -q: an address a line.
func fpingFound(out string) ([]netip.Addr, error) { return eachLine(out, strings.TrimSpace) }

// eachLine takes an address out of each line; a line that has none to show
// is passed over. A last line that is cut off is not an address.
func eachLine(out string, address func(line string) string) (all []netip.Addr, err error) {
	for line := range strings.Lines(out) {
		whole, ends := strings.CutSuffix(line, "\n")
		text := address(whole)
		if text == "" || !ends {
			continue
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("a line without an address: %q", whole)
		}
		all = append(all, a)
	}
	return all, nil
}
