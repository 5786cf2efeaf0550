package guest

import (
	"errors"
	"fmt"
	"net/netip"

	"pve-iplease/internal/pve"
)

// Addr is an address that an interface gets: of its prefix's family, with
// that family's gateway. An invalid Gateway takes the gateway away.
type Addr struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

// Set returns the config with other addresses for interface n of the running
// part: at most one a family, a family that is not given stays as it is. Only
// ip= and gw= (ip6= and gw6=) of the line that counts change, and what says
// the same already keeps its spelling. The line is read strictly before and
// after, so Set fails, with the error of NIC, where Proxmox would refuse it.
// A VM is not supported.
func (c Config) Set(n int, addrs ...Addr) (Config, error) {
	if c.kind != pve.Container {
		return Config{}, fmt.Errorf("net%d: a VM's address lies in ipconfig%d, which is not edited here; set it with 'qm set'", n, n)
	}
	nic, err := c.NIC(n)
	if err != nil {
		return Config{}, err
	}
	line, _ := c.counting(c.running(), "net", n)
	value, want := line.value, nic
	for i, a := range addrs {
		if i > 1 || (i == 1 && a.Prefix.Addr().Is4() == addrs[0].Prefix.Addr().Is4()) {
			return Config{}, fmt.Errorf("net%d: two addresses of one family; give one", n)
		}
		if value, err = want.rewrite(value, a); err != nil {
			return Config{}, fmt.Errorf("net%d: %w", n, err)
		}
	}
	return c.replace(n, line, value, want)
}

// replace puts a value in the place of a line's and reads the outcome back.
func (c Config) replace(n int, line entry, value string, want NIC) (Config, error) {
	if value == line.value {
		return c, nil
	}
	text := c.text[:line.at] + value + c.text[line.at+len(line.value):]
	edited := Parse(c.kind, []byte(text))
	got, err := edited.NIC(n)
	if err != nil {
		return Config{}, err
	}
	if got != want {
		return Config{}, fmt.Errorf("net%d: the edited line %.200q would not say what it should; report this line", n, value)
	}
	return edited, nil
}

// rewrite brings one family's properties up to date, in the interface and in
// its line.
func (nic *NIC) rewrite(value string, a Addr) (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	ip, gw := "ip6", "gw6"
	mode, prefix, gateway := &nic.IP6, &nic.Addr6, &nic.Gateway6
	if a.Prefix.Addr().Is4() {
		ip, gw = "ip", "gw"
		mode, prefix, gateway = &nic.IP, &nic.Addr, &nic.Gateway
	}
	if *mode != Static || *prefix != a.Prefix {
		value = put(value, ip, a.Prefix.String())
	}
	switch {
	case *gateway == a.Gateway:
	case a.Gateway.IsValid():
		value = put(value, gw, a.Gateway.String())
	default:
		value = drop(value, gw)
	}
	*mode, *prefix, *gateway = Static, a.Prefix, a.Gateway
	return value, nil
}

// check says no to what the schema would refuse or read differently.
func (a Addr) check() error {
	addr := a.Prefix.Addr()
	switch {
	case !a.Prefix.IsValid() || addr.Is4In6():
		return errors.New("no address is given to write; give one with its prefix length")
	case a.Prefix.Bits() < 8:
		return fmt.Errorf("%s is wider than Proxmox allows; give a prefix length of 8 or more", a.Prefix)
	case a.Gateway.IsValid() && (a.Gateway.BitLen() != addr.BitLen() || a.Gateway.Zone() != "" || a.Gateway.Is4In6()):
		return fmt.Errorf("%s is no gateway for %s; give one of the same family", a.Gateway, a.Prefix)
	}
	return nil
}
