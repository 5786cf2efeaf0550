package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

// A document of somebody else keeps every byte but those of the change.
func TestEditJSON(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "phoenix_hypervisor_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	const comment = "\"comment\": \"containers of the 900 series\"\n"
	tests := map[string]struct {
		change   config.Change
		old, new string
	}{
		"value":       {config.Set("pool", "lan", prop("gateway", "10.0.0.254")), "\"gateway\": \"10.0.0.1\",\n                \"range\"", "\"gateway\": \"10.0.0.254\",\n                \"range\""},
		"number":      {config.Set("pool", "lan", prop("vlan", "20")), comment, strings.TrimSpace(comment) + ",\n                \"vlan\": 20\n"},
		"new list":    {config.Set("pool", "lan", prop("exclude", "10.0.0.230", "10.0.0.231")), comment, strings.TrimSpace(comment) + ",\n                \"exclude\": [\"10.0.0.230\", \"10.0.0.231\"]\n"},
		"list":        {config.Set("pool", "lan", prop("range", "10.0.0.5")), "[\"10.0.0.200-10.0.0.239\"]", "[\"10.0.0.5\"]"},
		"longer list": {config.Extend("pool", "lan", prop("range", "10.0.0.5", "10.0.0.7")), "[\"10.0.0.200-10.0.0.239\"]", "[\"10.0.0.200-10.0.0.239\", \"10.0.0.5\", \"10.0.0.7\"]"},
		"gone":        {config.Set("pool", "lan", prop("comment")), ",\n                " + comment, "\n"},
		"two at once": {config.Set("pool", "lan", prop("comment"), prop("hold", "7d")), comment, "\"hold\": \"7d\"\n"},
		"reserved": {
			config.Add("reservation", "10.0.0.9", prop("guest", "104"), prop("comment", `"q" & <p>`)), "template of the CUDA containers\"\n            }",
			"template of the CUDA containers\"\n            },\n            {\n                \"reservation\": \"10.0.0.9\",\n                \"guest\": 104,\n                \"comment\": \"\\\"q\\\" & <p>\"\n            }",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(document, tt.old) != 1 {
				t.Fatalf("the document has %d times %q", strings.Count(document, tt.old), tt.old)
			}
			got, err := config.Edit("p.json", data, tt.change)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Replace(document, tt.old, tt.new, 1), string(got)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if fresh := config.Fresh("p.json", data, got); len(fresh) > 0 {
				t.Errorf("problems: %v", fresh)
			}
		})
	}
}

func TestEditJSONFromTheBeginning(t *testing.T) {
	t.Parallel()
	lan := config.Add("pool", "lan", prop("bridge", "vmbr0"), prop("subnet", "10.0.0.0/24"), prop("range", "10.0.0.9", "10.0.0.11"))
	pin := config.Add("reservation", "10.0.0.9")
	tests := map[string]struct {
		before, after string
		changes       []config.Change
	}{
		"nothing":     {"", "{\n    \"ip_pools\": [\n        {\n            \"reservation\": \"10.0.0.9\"\n        }\n    ]\n}\n", []config.Change{pin}},
		"no list":     {"{\n  \"network\": {\n    \"dns\": 1\n  }\n}\n", "{\n  \"network\": {\n    \"dns\": 1,\n    \"ip_pools\": [\n        {\n            \"reservation\": \"10.0.0.9\"\n        }\n    ]\n  }\n}\n", []config.Change{pin}},
		"one line":    {`{"ip_pools": [{"reservation": "10.0.0.9"}, {"pool": "a"}]}`, `{"ip_pools": [{"pool": "a"}]}`, []config.Change{config.Remove("reservation", "10.0.0.9")}},
		"the last":    {`{"ip_pools": [{"pool": "a"}]}`, `{"ip_pools": []}`, []config.Change{config.Remove("pool", "a")}},
		"there, back": {"{\n    \"ip_pools\": [\n        {\"pool\": \"a\"}\n    ]\n}\n", "{\n    \"ip_pools\": [\n        {\"pool\": \"a\"}\n    ]\n}\n", []config.Change{lan, pin, config.Remove("reservation", "10.0.0.9"), config.Remove("pool", "lan")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Edit("p.json", []byte(tt.before), tt.changes...)
			if diff := cmp.Diff(tt.after, string(got)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestEditJSONRefuses(t *testing.T) {
	t.Parallel()
	pool := config.Set("pool", "a", prop("hold", "7d"))
	tests := map[string]struct {
		text   string
		change config.Change
		want   string
	}{
		"broken":    {"{\n,", pool, "pool a: the file is no valid JSON: invalid character ',' looking for beginning of object key string"},
		"not there": {"{}", pool, "pool a: the pools file has no such section"},
		"twice":     {"{\"ip_pools\": [{\"pool\": \"a\"},\n{\"pool\": \"a\"}]}", pool, "pool a: it is there twice, in lines 1 and 2; remove one of the two in an editor"},
		"there":     {`{"ip_pools": [{"pool": "a"}]}`, config.Add("pool", "a"), "pool a: it is there already, in line 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := config.Edit("p.json", []byte(tt.text), tt.change); err == nil || err.Error() != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
}

func FuzzEditJSON(f *testing.F) {
	f.Add(`{"network": {"ip_pools": [{"pool": "a", "range": ["1"]}, 7]}, "x": [1,{}]}`, "a", "range", "10.0.0.1")
	f.Fuzz(func(t *testing.T, text, name, key, value string) {
		for _, c := range []config.Change{
			config.Add("pool", name, prop(key, value)), config.Set("pool", name, prop(key, value)),
			config.Extend("pool", name, prop(key, value)), config.Set("pool", name, prop(key)), config.Remove("pool", name),
		} {
			got, err := config.Edit("pools.json", []byte(text), c)
			if err != nil {
				continue
			}
			for _, p := range config.Fresh("pools.json", []byte(text), got) {
				if strings.Contains(p.Text, "JSON") {
					t.Errorf("%q becomes %q: %v", text, got, p)
				}
			}
		}
	})
}
