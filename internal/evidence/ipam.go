package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"pve-iplease/internal/lease"
)

// IPAMEntry is an address that Proxmox's SDN has given to somebody.
type IPAMEntry struct {
	Addr    netip.Addr
	Zone    string
	VMID    lease.VMID // 0: no guest, or not told
	MAC     lease.MAC
	Name    string // foreign
	Gateway bool
	File    string // as the host calls it
}

// IPAMFiles are where Proxmox's own IPAM plugin keeps its state; the second
// until libpve-network-perl 0.9.9 (its postinst moves it).
func IPAMFiles() []string {
	return []string{"/etc/pve/sdn/pve-ipam-state.json", "/etc/pve/priv/ipam.db"}
}

// ReadIPAM reads the first of those files that exists; none is no error.
func ReadIPAM(path func(string) string) ([]IPAMEntry, error) {
	for _, file := range IPAMFiles() {
		data, err := os.ReadFile(path(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, err := ParseIPAM(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i := range entries {
			entries[i].File = file
		}
		return entries, nil
	}
	return nil, nil
}

// ParseIPAM reads PVE::Network::SDN::Ipams::PVEPlugin's state, sorted by
// address and zone. Perl writes a number that it once used as text in quotes,
// so vmid may be either. An entry that makes no sense is left out.
func ParseIPAM(data []byte) ([]IPAMEntry, error) {
	var db struct {
		Zones map[string]struct {
			Subnets map[string]struct {
				IPs map[string]json.RawMessage `json:"ips"`
			} `json:"subnets"`
		} `json:"zones"`
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil // as Proxmox begins
	}
	if err := json.Unmarshal(data, &db); err != nil {
		return nil, fmt.Errorf("it is no JSON as Proxmox's SDN writes it: %w", err)
	}
	var entries []IPAMEntry
	for zone, z := range db.Zones {
		for _, s := range z.Subnets {
			for ip, raw := range s.IPs {
				if a, err := netip.ParseAddr(ip); err == nil {
					entries = append(entries, ipamEntry(a, zone, raw))
				}
			}
		}
	}
	slices.SortFunc(entries, func(a, b IPAMEntry) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Zone, b.Zone))
	})
	return entries, nil
}

func ipamEntry(a netip.Addr, zone string, raw json.RawMessage) IPAMEntry {
	var v map[string]any
	_ = json.Unmarshal(raw, &v) // null and others: the address alone
	e := IPAMEntry{Addr: a, Zone: zone}
	e.VMID, _ = lease.ParseVMID(scalar(v["vmid"]))
	e.MAC, _ = lease.ParseMAC(scalar(v["mac"]))
	e.Name = scalar(v["hostname"])
	gw := scalar(v["gateway"])
	e.Gateway = gw != "" && gw != "0" && gw != "false"
	return e
}

// scalar gives a JSON value that Perl may have written as text or number.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
