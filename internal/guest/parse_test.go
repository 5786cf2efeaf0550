package guest

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

// TestParse holds the file format's odd corners: what the running part says
// of net0, or that it says nothing.
func TestParse(t *testing.T) {
	t.Parallel()
	const none = "\x00none"
	tests := []struct{ name, file, want string }{
		{"empty file", "", none},
		{"plain", "net0: name=eth0\n", "name=eth0"},
		{"no last newline", "net0: name=eth0", "name=eth0"},
		{"no blank after the colon", "net0:name=eth0\n", "name=eth0"},
		{"tabs around", "net0:\t\tname=eth0\t \n", "name=eth0"},
		{"vertical tab and form feed", "net0:\v\fname=eth0\f\n", "name=eth0"},
		{"carriage return", "net0: name=eth0\r\n", "name=eth0"},
		{"carriage returns alone end no line", "memory: 1\rnet0: name=eth0\r", none},
		{"no-break space is no blank", "net0: name=eth0\xa0\n", "name=eth0\xa0"},
		{"NUL is a character like others", "net0: name=\x00eth0\n", "name=\x00eth0"},
		{"value with colons", "net0: a:b: c\n", "a:b: c"},
		{"value with a hash", "net0: a # b\n", "a # b"},
		{"value of blanks alone is the last of them", "net0: \t\n", "\t"},
		{"no value", "net0:\n", none},
		{"blank before the key", " net0: x\n", none},
		{"blank before the colon", "net0 : x\n", none},
		{"equals sign for the colon", "net0=x\n", none},
		{"upper-case key", "NET0: x\n", none},
		{"other number", "net00: x\nnet01: x\n", none},
		{"letters after digits", "net0a: x\n", none},
		{"comment", "#net0: x\n", none},
		{"byte order mark", "\ufeffnet0: x\n", none},
		{"byte order mark makes no section", "\ufeff[snap]\nnet0: x\n", "x"},
		{"raw key beside", "lxc.net.0.type: veth\nlxc.net.0: y\n", none},
		{"last duplicate", "net0: a\nmemory: 1\nnet0: b\n", "b"},
		{"last duplicate, broken", "net0: name=eth0\nnet0: \n", " "},
		{"duplicate without value does not count", "net0: a\nnet0:\n", "a"},
		{"mark of a snapshot swallows the line", "net0: a\nnet0: b snapstate: prepare\n", "a"},
		{"mark without blank", "net0: a\nnet0: b snapstate:delete \r\n", "a"},
		{"no mark", "net0: b snapstate: prepared\n", "b snapstate: prepared"},
		{"pending only", "memory: 1\n[pve:pending]\nnet0: x\n", none},
		{"pending in capitals", "net0: a\n[PVE:Pending] \t\r\nnet0: x\n", "a"},
		{"pending with something behind", "net0: a\n[pve:pending] trailing\nnet0: b\n", "b"},
		{"blank before a section", "net0: a\n [snap]\nnet0: b\n", "b"},
		{"snapshot", "net0: a\n[snap]\nnet0: x\n", "a"},
		{"name of one letter is no section", "net0: a\n[s]\nnet0: b\n", "b"},
		{"name that begins with a digit is no section", "net0: a\n[1a]\nnet0: b\n", "b"},
		{"name with a dot is no section", "net0: a\n[a.b]\nnet0: b\n", "b"},
		{"name outside ASCII is no section", "net0: a\n[caf\u00e9]\nnet0: b\n[\u212aelvin]\nnet0: c\n", "c"},
		{"empty name is no section", "net0: a\n[]\nnet0: b\n", "b"},
		{"unclosed bracket is no section", "net0: a\n[snap\nnet0: b\n", "b"},
		{"a VM's sections are none of a container's", "net0: a\n[special:cloudinit]\nnet0: b\n", "b"},
		{"the running part never comes back", "[ab]\n[pve:pending]\n[cd]\nnet0: x\n", none},
		{"long line", "net0: " + strings.Repeat("x", 1<<20) + "\n", strings.Repeat("x", 1<<20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Parse(pve.Container, []byte(tt.file))
			got, ok := c.Value("net0")
			if !ok {
				got = none
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("net0 (-want +got):\n%s", diff)
			}
			if string(c.Bytes()) != tt.file {
				t.Error("the bytes changed")
			}
			agree(t, tt.file)
		})
	}
}

// agree compares a container's config with the second reader's view of it.
func agree(t *testing.T, file string) {
	t.Helper()
	o := readOracle(file)
	want := map[string]map[string]string{"": o.main, "pve:pending": o.pending}
	maps.Copy(want, o.snapshots)

	c := Parse(pve.Container, []byte(file))
	got := map[string]map[string]string{"pve:pending": {}}
	for _, s := range c.sections {
		if s.part == skipped {
			continue
		}
		m := map[string]string{}
		for _, e := range c.in(s) {
			if !strings.HasPrefix(e.key, "lxc.") {
				m[e.key] = e.value
			}
			if file[e.at:e.at+len(e.value)] != e.value {
				t.Errorf("%s is not at byte %d", e.key, e.at)
			}
		}
		got[s.name] = m
	}
	for _, view := range []map[string]map[string]string{want, got} {
		for name, s := range view {
			for _, unkept := range []string{"description", "snapstate", "env"} {
				delete(s, unkept)
			}
			if name != "pve:pending" {
				delete(s, "delete")
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("two readers of %q disagree (-second +first):\n%s", file, diff)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	type settings struct {
		Template                 bool
		Hook, OSType, Host, Lone string
		NICs                     []int
	}
	read := func(kind pve.Kind, file string) settings {
		c := Parse(kind, []byte(file))
		lone, _ := c.Value("memory")
		return settings{c.Template(), c.Hookscript(), c.OSType(), c.Hostname(), lone, c.NICs()}
	}
	tests := []struct {
		name string
		kind pve.Kind
		file string
		want settings
	}{
		{name: "nothing"},
		{
			name: "container",
			file: "hostname: ct \nname: x\ntemplate: 1\nhookscript: local:snippets/a\nostype: debian\nmemory: 1\nmemory: 2\n" +
				"net10: a\nnet2: b\nnet2: c\nnet32: d\nnet: e\n[s1]\nhostname: y\nnet5: f\n",
			want: settings{true, "local:snippets/a", "debian", "ct", "2", []int{2, 10}},
		},
		{
			name: "VM", kind: pve.VM,
			file: "name: web\nhostname: x\nostype: l26\ntemplate: 0\nnet1: virtio\nipconfig0: ip=dhcp\nnet-0: y\n[PENDING]\nname: z\n",
			want: settings{Host: "web", OSType: "l26", NICs: []int{1}},
		},
		{name: "template in words", file: "template: Yes\n", want: settings{Template: true}},
		{name: "no template", file: "template: off\n"},
		{name: "nonsense is no template", file: "template: 2\n"},
		{name: "snapshot of a template", file: "[ab]\ntemplate: 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := read(tt.kind, tt.file)
			if len(got.NICs) == 0 {
				got.NICs = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	var zero Config
	if _, ok := zero.Value("net0"); ok || len(zero.Bytes()) > 0 || len(zero.NICs()) > 0 || len(zero.Uses(100)) > 0 {
		t.Error("the zero config is not empty")
	}
}
