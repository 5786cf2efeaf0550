package ledger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"pve-iplease/internal/lease"
	"pve-iplease/internal/pve"
)

// lineParser puts the members of one line into a lease.
type lineParser struct {
	*lease.Lease
	timed bool // a state with a time was there
}

// parseLine decodes a line without its newline into an empty lease.
func parseLine(l *lease.Lease, line string) error {
	p := lineParser{Lease: l}
	if err := eachMember(line, p.member); err != nil {
		return err
	}
	if !p.timed {
		l.Since = l.Claim.At
	}
	return storable(l)
}

// member puts one member into the lease.
func (p *lineParser) member(key, raw string) (err error) {
	switch key {
	case "a":
		p.Addr, err = addr(raw)
	case "s":
		p.Segment.Bridge, err = text(raw)
	case "o":
		p.Owner, err = owner(raw)
	case "m":
		p.MAC, err = mac(raw)
	case "c":
		p.Claim, err = claim(raw)
	case "g":
		p.Gen, err = strconv.ParseUint(raw, 10, 64)
	case "b", "r", "f", "x":
		p.timed = true
		p.State = lease.State(slices.Index(stateKeys[:], key))
		p.Since, err = moment(raw)
	default:
		return setRare(p.Lease, key, raw)
	}
	return err
}

// setRare puts one of the members into the lease that few have.
func setRare(l *lease.Lease, key, raw string) (err error) {
	switch key {
	case "vlan":
		var tag uint64
		tag, err = strconv.ParseUint(raw, 10, 16)
		l.Segment.Tag = uint16(tag)
	case "nodes":
		l.Segment.Nodes, err = text(raw)
	case "until":
		l.Until, err = moment(raw)
	case "was":
		l.Was, err = addr(raw)
	case "origin":
		var s string
		if s, err = text(raw); err == nil {
			l.Origin, err = lease.ParseOrigin(s)
		}
	case "unproven":
		l.Unproven, err = strconv.ParseBool(raw)
	case "freed":
		l.Freed, err = strconv.ParseBool(raw)
	case "contested":
		l.Contested, err = strconv.ParseBool(raw)
	case "vouched":
		l.Vouched, err = owners(raw)
	case "missing":
		l.Missing, err = moment(raw)
	case "p":
		l.Port, err = text(raw)
	default:
		l.Extra, err = keep(l.Extra, key, raw)
	}
	return err
}

// text is the value of a JSON string.
func text(raw string) (string, error) {
	if len(raw) >= 2 && raw[0] == '"' && strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return unquote(raw)
}

func unquote(raw string) (s string, err error) {
	err = json.Unmarshal([]byte(raw), &s)
	return s, err
}

func addr(raw string) (netip.Addr, error) {
	s, err := text(raw)
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(s)
}

func owner(raw string) (pve.Owner, error) {
	s, err := text(raw)
	if err != nil {
		return pve.Owner{}, err
	}
	return parseOwner(s)
}

// parseOwner reads what appendOwner wrote.
func parseOwner(s string) (pve.Owner, error) {
	if strings.Contains(s, "/net") {
		return pve.ParseOwner(s)
	}
	kind, id, _ := strings.Cut(s, "/")
	vmid, err := pve.ParseVMID(id)
	if err != nil || (kind != "ct" && kind != "vm") {
		return pve.Owner{}, fmt.Errorf("%q is not an owner", s)
	}
	if kind == "vm" {
		return pve.Owner{Kind: pve.VM, VMID: vmid}, nil
	}
	return pve.Owner{VMID: vmid}, nil
}

// owners are joined by commas.
func owners(raw string) (all []pve.Owner, err error) {
	s, err := text(raw)
	if err != nil {
		return nil, err
	}
	for one := range strings.SplitSeq(s, ",") {
		o, err := parseOwner(one)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func mac(raw string) (m pve.MAC, err error) {
	s, err := text(raw)
	if err == nil && len(s) != 2*len(m) {
		err = fmt.Errorf("%q is not a MAC address", s)
	}
	if err == nil {
		_, err = hex.Decode(m[:], []byte(s))
	}
	return m, err
}

// moment is a time, none for 0.
func moment(raw string) (time.Time, error) {
	n, err := strconv.ParseInt(raw, 10, 64)
	return at(n), err
}

func at(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func claim(raw string) (lease.Claim, error) {
	s, err := text(raw)
	if err != nil {
		return lease.Claim{}, err
	}
	var part [5]string
	for i := range part {
		cut := false
		part[i], s, cut = strings.Cut(s, " ")
		if cut != (i < len(part)-1) {
			return lease.Claim{}, fmt.Errorf("claim %s has not five parts", raw)
		}
		if part[i] == "-" {
			part[i] = ""
		}
	}
	up, err1 := strconv.ParseInt(part[3], 36, 40) // more would overflow a Duration
	sec, err2 := strconv.ParseInt(part[4], 36, 64)
	c := lease.Claim{ID: part[0], Node: part[1], Boot: part[2], Up: time.Duration(up) * tick, At: at(sec)}
	return c, errors.Join(err1, err2)
}
