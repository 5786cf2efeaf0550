package probe

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"time"

	"pve-iplease/internal/pve"
)

// ovsSwitch is what the database says of one bridge.
type ovsSwitch struct{ ports []ovsPort }

// ovsPatience is how long the database may take to answer; it takes a
// millisecond.
const ovsPatience = 2 * time.Second

// readSwitch asks the database for a bridge, its ports and their interfaces,
// in one transaction (RFC 7047 §4.1.3).
func readSwitch(socket, bridge string) (ovsSwitch, error) {
	conn, err := net.DialTimeout("unix", socket, ovsPatience)
	if err != nil {
		return ovsSwitch{}, fmt.Errorf("%s is a bridge of Open vSwitch, whose database does not answer: %w", bridge, errno(err))
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(ovsPatience)); err != nil {
		return ovsSwitch{}, err
	}
	selects := []any{
		"Open_vSwitch",
		selection("Bridge", []any{[]any{"name", "==", bridge}}, "ports"),
		selection("Port", []any{}, "_uuid", "name", "tag", "trunks", "vlan_mode", "interfaces", "status", "rstp_status"),
		selection("Interface", []any{}, "_uuid", "ofport", "type", "mac_in_use", "admin_state", "link_state", "link_resets"),
	}
	err = json.NewEncoder(conn).Encode(map[string]any{"method": "transact", "params": selects, "id": 1})
	if err != nil {
		return ovsSwitch{}, err
	}
	var reply struct {
		Result []struct {
			Rows  []ovsRow
			Error string
		}
		Error any
	}
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		return ovsSwitch{}, fmt.Errorf("Open vSwitch's database: %w", err)
	}
	if reply.Error != nil || len(reply.Result) != 3 {
		return ovsSwitch{}, fmt.Errorf("Open vSwitch's database refuses to tell of %s: %v", bridge, reply.Error)
	}
	if len(reply.Result[0].Rows) == 0 {
		return ovsSwitch{}, fmt.Errorf("Open vSwitch's database knows no bridge %s", bridge)
	}
	return assemble(reply.Result[0].Rows[0], reply.Result[1].Rows, reply.Result[2].Rows), nil
}

func selection(table string, where []any, columns ...string) map[string]any {
	return map[string]any{"op": "select", "table": table, "where": where, "columns": columns}
}

// assemble picks a bridge's rows out of the tables.
func assemble(bridge ovsRow, ports, interfaces []ovsRow) ovsSwitch {
	var s ovsSwitch
	for _, row := range ports {
		if !slices.Contains(bridge.set("ports"), row.one("_uuid")) {
			continue
		}
		p := ovsPort{name: row.one("name"), mode: row.one("vlan_mode"), state: row.spanning()}
		if tags := row.numbers("tag"); len(tags) > 0 {
			p.tag, p.tagged = uint16(tags[0]), true
		}
		for _, n := range row.numbers("trunks") {
			p.trunks = append(p.trunks, uint16(n))
		}
		for _, i := range interfaces {
			if slices.Contains(row.set("interfaces"), i.one("_uuid")) {
				p.interfaces = append(p.interfaces, i.device())
			}
		}
		s.ports = append(s.ports, p)
	}
	return s
}

func (r ovsRow) device() ovsInterface {
	i := ovsInterface{
		kind: r.one("type"), up: r.one("admin_state") == "up", link: r.one("link_state") == "up",
	}
	i.mac, _ = pve.ParseMAC(r.one("mac_in_use"))
	if n := r.numbers("link_resets"); len(n) > 0 {
		i.resets = uint32(n[0])
	}
	if n := r.numbers("ofport"); len(n) > 0 {
		i.number = n[0]
	}
	return i
}

// spanning is the port's state, forwarding where no spanning tree decides.
func (r ovsRow) spanning() uint8 {
	state := r.mapped("status")["stp_state"]
	if rapid := r.mapped("rstp_status")["rstp_port_state"]; rapid != "" {
		state = rapid
	}
	switch state {
	case "", "forwarding", "Forwarding":
		return stateForwarding
	case "listening":
		return stateListening
	case "learning", "Learning":
		return stateLearning
	}
	const blocking = 4
	return blocking
}
