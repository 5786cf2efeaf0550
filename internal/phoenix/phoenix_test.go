package phoenix_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
	"pve-iplease/internal/phoenix"
	"pve-iplease/internal/pve"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func told(problems []config.Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// The project's own files.
func everything(t testing.TB) phoenix.Site {
	t.Helper()
	var sites []phoenix.Site
	for _, name := range []string{"phoenix_lxc_configs.json", "phoenix_vm_configs.json", "phoenix_hypervisor_config.json"} {
		s, problems := phoenix.Read(name, sample(t, name))
		if len(problems) > 0 {
			t.Fatal(told(problems))
		}
		sites = append(sites, s)
	}
	all, problems := phoenix.Join(sites...)
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	return all
}

const lan = `pool: lan
	bridge vmbr0
	subnet 10.0.0.0/24
	gateway 10.0.0.1
	range 10.0.0.200-10.0.0.239
	exclude 10.0.0.13

reservation: 10.0.0.10
	guest 103

reservation: 10.0.0.102
`

func TestPlan(t *testing.T) {
	t.Parallel()
	pools, _ := config.Parse("pools.cfg", []byte(lan))
	steps, changes, problems := phoenix.Plan(everything(t), pools)
	if len(problems) > 0 {
		t.Error(told(problems))
	}
	var got strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&got, "%s|%s|%s|%s\n", s.Addr, s.Becomes, s.For, s.Why)
	}
	want := `invalid IP||VM 9000 (ubuntu-2404-cloud-template)|has dhcp
8.8.8.8||network.interfaces.dns_nameservers[1]|in no pool's subnet
10.0.0.1||network.interfaces.gateway|pool lan's gateway
10.0.0.10||CT 103 (Step-CA)|reserved already
10.0.0.12|reserved|CT 102 (Traefik-Internal)|
10.0.0.13||network.interfaces.address|excluded already
10.0.0.102||VM 1002 (drphoenix)|reserved already
10.0.0.111|excluded|VM 1001 (Portainer)|
10.0.0.141|reserved|CT 801 (granite-embedding)|
10.0.0.142|reserved|CT 802 (granite-3.3-8b-fp8)|
10.0.0.153|reserved|CT 101 (Nginx-Phoenix)|
10.0.0.155|reserved|CT 914 (ollama-gpu0)|
10.0.0.157|reserved|CT 917 (llamacpp-gpu0)|
10.0.0.200|reserved|CT 900 (Copy-Base)|
10.0.0.201|reserved|CT 901 (Copy-Cuda12.8)|
10.0.0.220|reserved|CT 910 (Copy-VLLM-GPUx2)|
10.0.0.221|reserved|CT 911 (Copy-VLLM-GPU0)|
10.0.0.222|reserved|CT 912 (Copy-VLLM-GPU1)|
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	after, err := config.Edit("pools.cfg", []byte(lan), changes...)
	if err != nil {
		t.Fatal(err)
	}
	if fresh := config.Fresh("pools.cfg", []byte(lan), after); len(fresh) > 0 {
		t.Error(told(fresh))
	}
	if _, again, _ := phoenix.Plan(everything(t), parse(after)); len(again) > 0 {
		t.Errorf("a second import changes %v", again)
	}
}

func parse(text []byte) *config.Config {
	c, _ := config.Parse("pools.cfg", text)
	return c
}

// What stands in the way is named, and nothing is changed.
func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	s, _ := phoenix.Read("lxc.json", []byte(`{"lxc_configs": {
"101": {"network_config": {"bridge": "vmbr0", "ip": "10.0.0.102/24"}},
"102": {"network_config": {"bridge": "vmbr9", "ip": "10.0.0.7/24"}},
"103": {"network_config": {"ip": "10.9.0.7/24"}}, "104": {}}}`))
	steps, _, problems := phoenix.Plan(s, parse([]byte(lan)))
	const want = "lxc.json:2: lxc_configs.101: the pools file reserves 10.0.0.102 for somebody else; 'pve-iplease unreserve 10.0.0.102' ends that"
	if got := told(problems); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var got []string
	for _, s := range steps {
		got = append(got, s.For+": "+s.Why)
	}
	if diff := cmp.Diff([]string{"CT 104: has no address", "CT 102: on vmbr9, not vmbr0", "CT 103: in no pool's subnet"}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestReadProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"syntax":      {"{\"lxc_configs\": {\n\"900\": {\"name\": \"a\",\n}}}", "f:3: lxc_configs.900: the file is no valid JSON: invalid character '}' looking for beginning of object key string"},
		"other":       {`{"vmbr": 1}`, `f: it has none of "lxc_configs", "vms" and "network", so it is no file of Phoenix`},
		"list":        {`{"lxc_configs": [], "vms": {}, "network": 1}`, "f:1: lxc_configs: an object belongs here\nf:1: vms: a list belongs here\nf:1: network: an object belongs here"},
		"number":      {"{\"lxc_configs\": {\n\"web\": {}, \"900\": 1}}", `f:2: lxc_configs.web: "web" is not a VMID; it is a number from 100 to 999999999` + "\nf:2: lxc_configs.900: an object belongs here"},
		"address":     {"{\"lxc_configs\": {\"900\": {\"network_config\": {\n\"ip\": \"10.0.0.300/24\",\n\"gw\": \"10.0.0\"}}}}", `f:2: lxc_configs.900.network_config.ip: "10.0.0.300/24" is no address with its prefix length, like 10.0.0.201/24, nor dhcp` + "\n" + `f:3: lxc_configs.900.network_config.gw: "10.0.0" is no address`},
		"vm":          {"{\"vms\": [\n{}, {\"vmid\": 99}, 1]}", "f:2: vms[0]: the machine has no vmid\nf:2: vms[1].vmid: \"99\" is not a VMID; it is a number from 100 to 999999999\nf:2: vms[2]: an object belongs here"},
		"same key":    {"{\"lxc_configs\": {\"900\": {},\n\"900\": {}}}", "f:2: lxc_configs.900: container 900 is given twice, first in line 1; keep one of the two"},
		"same vm":     {"{\"vms\": [{\"vmid\": 900},\n{\"vmid\": 900}]}", "f:2: vms[1]: guest 900 is given twice, first in line 1; keep one of the two"},
		"name server": {"{\"vms\": [{\"vmid\": 900, \"network_config\": {\"nameservers\": [\"8.8.8.8\", \"dns\"]}}]}", `f:1: vms[0].network_config.nameservers[1]: "dns" is no address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := phoenix.Read("f", []byte(tt.text))
			if diff := cmp.Diff(tt.want, told(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Both of a pair are named.
func TestJoinFindsDuplicates(t *testing.T) {
	t.Parallel()
	lxc, _ := phoenix.Read("lxc.json", []byte("{\"lxc_configs\": {\"901\": {\"name\": \"a\", \"network_config\": {\"ip\": \"10.0.0.9/24\"}},\n\"902\": {\"network_config\": {\"ip\": \"10.0.0.9/24\"}}}}"))
	vms, _ := phoenix.Read("vm.json", []byte("{\"vms\": [{\"vmid\": 901},\n{\"vmid\": 903, \"network_config\": {\"ip\": \"10.0.0.9/16\"}}]}"))
	_, problems := phoenix.Join(lxc, vms)
	want := `lxc.json:2: lxc_configs.902: 10.0.0.9 is CT 901 (a)'s already, in lxc.json:1; give one of the two another address
vm.json:1: vms[0]: guest 901 is given twice, first as lxc_configs.901 in lxc.json:1; keep one of the two
vm.json:2: vms[1]: 10.0.0.9 is CT 901 (a)'s already, in lxc.json:1; give one of the two another address`
	if diff := cmp.Diff(want, told(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func address(cidr, gateway string) phoenix.Address {
	a := phoenix.Address{CIDR: netip.MustParsePrefix(cidr)}
	a.Gateway, _ = netip.ParseAddr(gateway)
	return a
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	data := sample(t, "phoenix_lxc_configs.json")
	same, problems := phoenix.Rewrite("f", data, map[pve.VMID]phoenix.Address{900: address("10.0.0.200/24", "10.0.0.1"), 920: address("10.0.0.9/24", "")})
	if same != string(data) || len(problems) > 0 {
		t.Errorf("nothing new, and it changed: %v", problems)
	}
	got, _ := phoenix.Rewrite("f", data, map[pve.VMID]phoenix.Address{900: address("10.0.0.207/16", "10.0.0.254"), 910: address("10.0.0.223/24", "")})
	want := strings.Replace(string(data), "\"ip\": \"10.0.0.200/24\",\n                \"gw\": \"10.0.0.1\"", "\"ip\": \"10.0.0.207/16\",\n                \"gw\": \"10.0.0.254\"", 1)
	want = strings.Replace(want, "10.0.0.220/24", "10.0.0.223/24", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	got, _ = phoenix.Rewrite("f", []byte(`{"lxc_configs": {"900": {"network_config": { "name": "eth0" }}, "901": {"network_config": {}}, "902": {}}}`),
		map[pve.VMID]phoenix.Address{900: address("10.0.0.9/24", "10.0.0.1"), 901: address("10.0.0.8/24", "10.0.0.1"), 902: address("10.0.0.7/24", "")})
	if want := `{"lxc_configs": {"900": {"network_config": { "name": "eth0", "ip": "10.0.0.9/24", "gw": "10.0.0.1" }}, "901": {"network_config": {"ip": "10.0.0.8/24", "gw": "10.0.0.1"}}, "902": {}}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, problems := phoenix.Rewrite("f", sample(t, "phoenix_vm_configs.json"), nil); len(problems) != 1 {
		t.Errorf("machines: %v", problems)
	}
}

func FuzzRead(f *testing.F) {
	// Short ones: go spends all its time on making long ones shorter.
	f.Add([]byte(`{"lxc_configs": {"900": {"name": "a", "network_config": {"bridge": "vmbr0", "ip": "10.0.0.200/24", "gw": "10.0.0.1", "nameservers": "8.8.8.8"}}, "101": {"network_config": {}}}}`))
	f.Add([]byte(`{"vms": [{"vmid": 1001, "network_config": {"ip": "dhcp", "nameserver": ["10.0.0.13"]}}], "network": {"interfaces": {"address": "10.0.0.13/24"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, problems := phoenix.Read("f", data)
		for _, g := range s.Guests {
			if g.VMID == 0 {
				t.Errorf("guest %+v", g)
			}
		}
		phoenix.Plan(s, parse([]byte(lan)))
		leased := map[pve.VMID]phoenix.Address{900: address("10.0.0.9/24", "10.0.0.1"), 101: address("10.0.0.8/24", "")}
		text, more := phoenix.Rewrite("f", data, leased)
		if len(problems) > 0 || len(more) > 0 {
			return
		}
		if again, bad := phoenix.Rewrite("f", []byte(text), leased); again != text || len(bad) > 0 {
			t.Errorf("%q becomes %q, then %q, %v", data, text, again, bad)
		}
	})
}
