package inventory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// IPAMEntry is an address that Proxmox's SDN has given to somebody.
type IPAMEntry struct {
	Addr    netip.Addr
	Zone    string
	VMID    pve.VMID // 0: no guest, or not told
	MAC     pve.MAC
	Name    string // foreign
	Gateway bool
	File    string // as the host calls it
}

// ipamFiles are where Proxmox's own IPAM plugin keeps its state, below /etc/pve;
// the second until libpve-network-perl 0.9.9 (its postinst moves it).
var ipamFiles = [...]string{"sdn/pve-ipam-state.json", "priv/ipam.db"}

// ReadIPAM reads the first of those files that exists, below dir, which is
// Proxmox's /etc/pve; none is no error.
func ReadIPAM(dir string) ([]IPAMEntry, error) {
	var g given
	if err := g.refresh(dir); err != nil {
		return nil, err
	}
	for i := range g.entries {
		g.entries[i].File = "/etc/pve/" + g.file
	}
	return g.entries, nil
}

// given is what Proxmox's SDN has given away, as it was last read.
type given struct {
	known   bool
	file    string  // of ipamFiles; empty: there is none
	version version // zero: it must be read again
	entries []IPAMEntry
}

// refresh reads the file if it has changed. After an error what was known
// stands.
func (g *given) refresh(dir string) error {
	for _, file := range ipamFiles {
		err := g.read(dir, file)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if g.file != "" { // it may be all of /etc/pve that is gone
		var st unix.Stat_t
		if err := unix.Stat(dir+"/nodes", &st); err != nil {
			return &fs.PathError{Op: "stat", Path: dir + "/nodes", Err: err}
		}
	}
	*g = given{known: true}
	return nil
}

func (g *given) read(dir, file string) error {
	path := dir + "/" + file
	fd, err := fastio.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	v, young, err := fstat(fd, path)
	if err != nil || g.known && g.file == file && v != (version{}) && g.version == v {
		return err
	}
	data, err := fastio.ReadMost(fd, path, make([]byte, 0, 4<<10))
	if err != nil {
		return err
	}
	entries, err := parseIPAM(data)
	if err != nil {
		return &fs.PathError{Op: "read", Path: path, Err: err}
	}
	if young {
		v = version{}
	}
	*g = given{true, file, v, entries}
	return nil
}

// enter puts the entries into an inventory. One that names no guest is of the
// one that has the MAC address, if there is such a one.
func (g *given) enter(inv *lease.Inventory) {
	if len(g.entries) == 0 {
		return
	}
	inv.Given = make(map[netip.Addr][]lease.Use, len(g.entries))
	var cards map[pve.MAC]pve.VMID
	for _, e := range g.entries {
		u := lease.Use{Addr: e.Addr, Owner: pve.Owner{VMID: e.VMID}, Where: lease.SDN}
		switch {
		case e.Gateway:
			u.Owner, u.Where = pve.Owner{}, lease.Router
		case e.VMID == 0 && !e.MAC.IsZero():
			if cards == nil {
				cards = cardsOf(inv)
			}
			u.Owner.VMID = cards[e.MAC]
		}
		u.Owner.Kind = inv.Guests[u.Owner.VMID].Kind
		inv.Given[e.Addr] = append(inv.Given[e.Addr], u)
	}
}

func cardsOf(inv *lease.Inventory) map[pve.MAC]pve.VMID {
	cards := map[pve.MAC]pve.VMID{}
	for id, g := range inv.Guests {
		for _, m := range g.MACs {
			cards[m] = id
		}
	}
	return cards
}

// parseIPAM reads PVE::Network::SDN::Ipams::PVEPlugin's state, sorted by
// address and zone. Perl writes a number that it once used as text in quotes,
// so vmid may be either. An entry that makes no sense is left out.
func parseIPAM(data []byte) ([]IPAMEntry, error) {
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
	e.VMID, _ = pve.ParseVMID(scalar(v["vmid"]))
	e.MAC, _ = pve.ParseMAC(scalar(v["mac"]))
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
