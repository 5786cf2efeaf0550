package pve

import (
	"fmt"
	"strconv"
	"strings"
)

// VMID is Proxmox's number of a guest, 100 to 999999999 (PVE::JSONSchema,
// pve-vmid); one number names one guest in the whole cluster.
type VMID uint32

// ParseVMID reads a guest's number as Proxmox writes it: decimal digits, no
// sign, no leading zero.
func ParseVMID(s string) (VMID, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 100 || n > 999999999 || s[0] == '0' {
		return 0, fmt.Errorf("%q is not a VMID; it is a number from 100 to 999999999", s)
	}
	return VMID(n), nil
}

func (id VMID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Kind tells containers from virtual machines.
type Kind uint8

// The kinds of guests, in the words of Proxmox's storage and firewall files.
const (
	Container Kind = iota
	VM
)

func (k Kind) String() string {
	if k == VM {
		return "vm"
	}
	return "ct"
}

// Owner is who an address belongs to: one network interface of one guest.
// The zero value means nobody.
type Owner struct {
	Kind Kind
	VMID VMID
	NIC  int // the N of netN
}

// IsZero reports whether there is no owner.
func (o Owner) IsZero() bool { return o.VMID == 0 }

// Guest names the guest without its interface, as in "CT 101".
func (o Owner) Guest() string {
	return strings.ToUpper(o.Kind.String()) + " " + o.VMID.String()
}

// Place names the guest, and the interface if it is not its first.
func (o Owner) Place() string {
	if o.NIC == 0 {
		return o.Guest()
	}
	return fmt.Sprintf("%s net%d", o.Guest(), o.NIC)
}

// String is the owner's name in the ledger and in messages: ct/101/net0.
func (o Owner) String() string {
	return o.Kind.String() + "/" + o.VMID.String() + "/net" + strconv.Itoa(o.NIC)
}

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	kind, rest, _ := strings.Cut(s, "/")
	id, nic, _ := strings.Cut(rest, "/net")
	vmid, err := ParseVMID(id)
	n, nerr := strconv.ParseUint(nic, 10, 8)
	if err != nil || nerr != nil || (kind != "ct" && kind != "vm") {
		return Owner{}, fmt.Errorf("%q is not an owner; one reads like ct/101/net0", s)
	}
	o := Owner{VMID: vmid, NIC: int(n)}
	if kind == "vm" {
		o.Kind = VM
	}
	return o, nil
}
