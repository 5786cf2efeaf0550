package probe

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ovsReply is what a database answers (RFC 7047 §4.1.3): a bridge with an
// uplink, a bond, a guest's port and one of the host's own.
const ovsReply = `{"id":1,"error":null,"result":[
 {"rows":[{"ports":["set",[["uuid","p0"],["uuid","p1"],["uuid","p2"],["uuid","p3"],["uuid","p4"]]]}]},
 {"rows":[
  {"_uuid":["uuid","p0"],"name":"vmbr0","tag":["set",[]],"trunks":["set",[]],"vlan_mode":["set",[]],"interfaces":["uuid","i0"],"status":["map",[]],"rstp_status":["map",[]]},
  {"_uuid":["uuid","p1"],"name":"eno1","tag":["set",[]],"trunks":["set",[20,30]],"vlan_mode":["set",[]],"interfaces":["uuid","i1"],"status":["map",[["stp_state","learning"]]],"rstp_status":["map",[]]},
  {"_uuid":["uuid","p2"],"name":"bond0","tag":30,"trunks":20,"vlan_mode":"native-untagged","interfaces":["set",[["uuid","i2"],["uuid","i3"]]],"status":["map",[]],"rstp_status":["map",[["rstp_port_state","Forwarding"]]]},
  {"_uuid":["uuid","p3"],"name":"veth101i0","tag":20,"trunks":["set",[]],"vlan_mode":["set",[]],"interfaces":["uuid","i4"],"status":["map",[]],"rstp_status":["map",[]]},
  {"_uuid":["uuid","p4"],"name":"vlan50","tag":50,"trunks":["set",[]],"vlan_mode":["set",[]],"interfaces":["uuid","i5"],"status":["map",[]],"rstp_status":["map",[]]},
  {"_uuid":["uuid","p9"],"name":"elsewhere","tag":20,"trunks":["set",[]],"vlan_mode":["set",[]],"interfaces":["uuid","i9"],"status":["map",[]],"rstp_status":["map",[]]}]},
 {"rows":[
  {"_uuid":["uuid","i0"],"ofport":65534,"type":"internal","mac_in_use":"bc:24:11:00:00:01","admin_state":"up","link_state":"up","link_resets":1},
  {"_uuid":["uuid","i1"],"ofport":1,"type":"","mac_in_use":"bc:24:11:00:00:02","admin_state":"up","link_state":"up","link_resets":3},
  {"_uuid":["uuid","i2"],"ofport":2,"type":"","mac_in_use":"bc:24:11:00:00:03","admin_state":"up","link_state":"down","link_resets":1},
  {"_uuid":["uuid","i3"],"ofport":3,"type":"","mac_in_use":"bc:24:11:00:00:04","admin_state":"up","link_state":"up","link_resets":4},
  {"_uuid":["uuid","i4"],"ofport":4,"type":"","mac_in_use":"fe:24:11:00:00:05","admin_state":"up","link_state":"up","link_resets":1},
  {"_uuid":["uuid","i5"],"ofport":5,"type":"internal","mac_in_use":"bc:24:11:00:00:06","admin_state":"up","link_state":"up","link_resets":1}]}]}`

// database answers one question on a socket, and returns the socket's name.
func database(t *testing.T, reply string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "db.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if question, err := bufio.NewReader(conn).ReadString('\n'); err == nil && strings.Contains(question, `"transact"`) {
			_, _ = conn.Write([]byte(reply))
		}
	}()
	return socket
}

func TestReadSwitch(t *testing.T) {
	t.Parallel()
	s, err := readSwitch(database(t, ovsReply), "vmbr0")
	if err != nil {
		t.Fatal(err)
	}
	want := view{bridge: "vmbr0", vlan: 20, mac: bridgeMAC, up: true, ports: []port{
		{index: 1, name: "eno1", carrier: true, flaps: 3, state: stateLearning},
		{index: 3, name: "bond0", carrier: true, flaps: 5, state: stateForwarding},
		{index: 4, name: "veth101i0", carrier: true, flaps: 1, state: stateForwarding},
	}}
	if diff := cmp.Diff(want, s.view("vmbr0", 20), cmp.AllowUnexported(view{}, port{})); diff != "" {
		t.Error(diff)
	}
	for vlan, apart := range map[uint16]string{0: "eno1 bond0 veth101i0", 20: "", 30: "veth101i0", 50: "eno1 bond0 veth101i0"} {
		var got []string
		for _, p := range s.view("vmbr0", vlan).ports {
			if p.apart {
				got = append(got, p.name)
			}
		}
		if strings.Join(got, " ") != apart {
			t.Errorf("not in VLAN %d: %q, want %q", vlan, got, apart)
		}
	}
}

func TestReadSwitchFails(t *testing.T) {
	t.Parallel()
	for want, socket := range map[string]string{
		"vmbr0 is a bridge of Open vSwitch, whose database does not answer: no such file or directory": filepath.Join(t.TempDir(), "none"),
		"Open vSwitch's database knows no bridge vmbr0":                                                database(t, `{"id":1,"error":null,"result":[{"rows":[]},{"rows":[]},{"rows":[]}]}`),
		"Open vSwitch's database refuses to tell of vmbr0: syntax error":                               database(t, `{"id":1,"error":"syntax error","result":null}`),
		"Open vSwitch's database: unexpected EOF":                                                      database(t, `{"id":1,`),
	} {
		if _, err := readSwitch(socket, "vmbr0"); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzSwitchRow(f *testing.F) {
	f.Add([]byte(`["set",[["uuid","a"],1]]`))
	f.Add([]byte(`["map",[["stp_state","learning"]]]`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := ovsRow{"tag": b, "status": b, "name": b, "interfaces": b, "ports": b, "_uuid": b}
		_ = assemble(r, []ovsRow{r}, []ovsRow{r}).view("vmbr0", 20)
	})
}
