package phoenix

import (
	"net/netip"

	"pve-iplease/internal/config"
	"pve-iplease/internal/jsontree"
	"pve-iplease/internal/pve"
)

// Address is what a container's interface has.
type Address struct {
	CIDR    netip.Prefix
	Gateway netip.Addr // invalid: what the file says stays
}

// Rewrite gives the containers of a file their leased addresses: ip and gw of
// network_config. Every other byte stays. Where a file is wrong, nothing is
// returned but the problems.
func Rewrite(file string, data []byte, leased map[pve.VMID]Address) (string, []config.Problem) {
	if _, problems := Read(file, data); len(problems) > 0 {
		return "", problems
	}
	text := string(data)
	root, err := jsontree.Parse(text)
	if err != nil {
		return "", []config.Problem{{File: file, Text: err.Error()}}
	}
	list := root.Find("lxc_configs")
	if list == nil {
		return "", []config.Problem{{File: file, Text: "it has no \"lxc_configs\", so there is no container in it"}}
	}
	var changes []jsontree.Splice
	for _, m := range list.Members {
		id, _ := pve.ParseVMID(m.Key) // Read has looked at it
		if a, ok := leased[id]; ok {
			changes = append(changes, address(text, m.Value, a)...)
		}
	}
	return jsontree.Apply(text, changes...), nil
}

// address changes one container.
func address(text string, v *jsontree.Value, a Address) (changes []jsontree.Splice) {
	net := v.Find("network_config")
	if net == nil {
		return nil
	}
	if net.Kind == jsontree.Object && len(net.Members) == 0 {
		fill := `"ip": ` + jsontree.Quote(a.CIDR.String())
		if a.Gateway.IsValid() {
			fill += `, "gw": ` + jsontree.Quote(a.Gateway.String())
		}
		return []jsontree.Splice{{Start: net.Start + 1, End: net.End - 1, Text: fill}}
	}
	if ip := net.Find("ip"); ip == nil || ip.Text != a.CIDR.String() {
		changes = append(changes, jsontree.SetMember(text, net, "ip", jsontree.Quote(a.CIDR.String())))
	}
	if gw := net.Find("gw"); a.Gateway.IsValid() && (gw == nil || gw.Text != a.Gateway.String()) {
		changes = append(changes, jsontree.SetMember(text, net, "gw", jsontree.Quote(a.Gateway.String())))
	}
	return changes
}
