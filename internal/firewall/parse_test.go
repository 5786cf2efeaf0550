package firewall_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/firewall"
	"pve-iplease/internal/guest"
)

var now = time.Unix(1_800_000_000, 0)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope firewall.Scope
		text  string
		want  firewall.File
	}{
		"nothing":              {firewall.Guest, "", firewall.File{}},
		"as Proxmox writes it": {firewall.Guest, "[OPTIONS]\n\nipfilter: 1\nenable: 1\n\n[RULES]\n\nIN ACCEPT\n", firewall.File{Enable: true, IPFilter: true}},
		"as people do":         {firewall.Guest, "# mine\n\t[options]  \n ENABLE:1\nIpFilter:   1 \n", firewall.File{Enable: true, IPFilter: true}},
		"the last wins":        {firewall.Guest, "[OPTIONS]\nenable: 1\nenable: 0\nipfilter: 0\nipfilter: 1\n", firewall.File{IPFilter: true}},
		"no section":           {firewall.Guest, "enable: 1\n", firewall.File{}},
		"another section":      {firewall.Guest, "[RULES]\nenable: 1\n", firewall.File{}},
		"an unknown section is none": {
			firewall.Guest, "[OPTIONS]\n[nonsense]\nenable: 1\n", firewall.File{Enable: true},
		},
		"what is no option":   {firewall.Guest, "[OPTIONS]\nenable : 1\nipfilter: yes\nipfilter: 2\nenable: 1 # on\n", firewall.File{}},
		"lines of Windows":    {firewall.Guest, "[OPTIONS]\r\nenable: 1\r\n", firewall.File{}},
		"a value with a CR":   {firewall.Guest, "[OPTIONS]\nenable: 1\r\n", firewall.File{Enable: true}},
		"sets":                {firewall.Guest, "[IPSET ipfilter-net0] # pinned\n10.0.0.5\n! 10.0.0.6 # not\n\n10.0.0.0/24\ndc/office\na b\n[ipset IPFILTER-net12]\n[ipset other]\n10.0.0.9\n", firewall.File{Sets: map[int][]firewall.Entry{0: {{Text: "10.0.0.5"}, {Text: "10.0.0.6", Not: true}, {Text: "10.0.0.0/24"}, {Text: "dc/office"}}, 12: {}}}},
		"a set twice":         {firewall.Guest, "[IPSET ipfilter-net0]\n10.0.0.5\n[IPSET ipfilter-net0]\n10.0.0.6\n", firewall.File{Sets: map[int][]firewall.Entry{0: {{Text: "10.0.0.6"}}}}},
		"a name that is none": {firewall.Guest, "[OPTIONS]\n[IPSET 0]\nenable: 1\n", firewall.File{}},
		"no set of a NIC":     {firewall.Guest, "[IPSET ipfilter-net01]\n10.0.0.5\n[IPSET ipfilter-net]\n10.0.0.5\n", firewall.File{}},
		"cluster":             {firewall.Cluster, "[OPTIONS]\nenable: 1\nebtables: 0\nipfilter: 1\nnftables: 1\n", firewall.File{Enable: true, NoARP: true}},
		"group":               {firewall.Cluster, "[OPTIONS]\nenable: 1\n[group web]\nenable: 0\n", firewall.File{Enable: true}},
		"a guest has no groups": {
			firewall.Guest, "[OPTIONS]\nenable: 1\n[group web]\nenable: 0\n", firewall.File{},
		},
		"tried out now":     {firewall.Cluster, "[OPTIONS]\nenable: " + strconv.FormatInt(now.Unix()-60, 10) + "\n", firewall.File{Enable: true}},
		"tried out before":  {firewall.Cluster, "[OPTIONS]\nenable: " + strconv.FormatInt(now.Unix()-61, 10) + "\n", firewall.File{}},
		"an endless number": {firewall.Cluster, "[OPTIONS]\nenable: 99999999999999999999\n", firewall.File{Enable: true}},
		"node":              {firewall.Node, "[OPTIONS]\nenable: 0\nnftables: 1\nebtables: 0\n[IPSET ipfilter-net0]\n10.0.0.5\n", firewall.File{NFTables: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, firewall.Parse(c.scope, []byte(c.text), now)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	on := firewall.File{Enable: true}
	filter := firewall.File{Enable: true, IPFilter: true}
	set := firewall.File{Enable: true, Sets: map[int][]firewall.Entry{1: {}}}
	for name, c := range map[string]struct {
		cluster, own firewall.File
		nic          guest.NIC
		want         bool
	}{
		"all on":              {on, filter, guest.NIC{Firewall: true}, true},
		"cluster off":         {firewall.File{}, filter, guest.NIC{Firewall: true}, false},
		"guest off":           {on, firewall.File{IPFilter: true}, guest.NIC{Firewall: true}, false},
		"NIC off":             {on, filter, guest.NIC{}, false},
		"no filter":           {on, on, guest.NIC{Firewall: true}, false},
		"a set alone":         {on, set, guest.NIC{Firewall: true, Index: 1}, true},
		"a set of another":    {on, set, guest.NIC{Firewall: true, Index: 0}, false},
		"no files whatsoever": {firewall.File{}, firewall.File{}, guest.NIC{Firewall: true}, false},
	} {
		if got := firewall.Pins(c.cluster, c.own, c.nic); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.0.0.5": "10.0.0.5/32", "10.0.0.5/24": "10.0.0.0/24", "2001:db8::5": "2001:db8::5/128", "office": "invalid Prefix", "10.0.0.5/33": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := (firewall.Entry{Text: text}).Prefix().String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// FuzzParse holds the reader to one that is written by Proxmox's own patterns.
func FuzzParse(f *testing.F) {
	f.Add(byte(2), "[OPTIONS]\nenable: 1\nipfilter: 1\n[IPSET ipfilter-net0]#]\n10.0.0.5 # a\n! x\n")
	f.Add(byte(0), "[GROUP a] # b\n[options]\n\tebtables:0\nenable: 1799999999\n[ipset aa]]\n")
	f.Add(byte(1), "[rules]\n[Options]\nnftables: 1\v\n[aliases]\nenable: 0\n")
	f.Fuzz(func(t *testing.T, scope byte, text string) {
		s := firewall.Scope(scope % 3)
		if diff := cmp.Diff(byPatterns(s, text), firewall.Parse(s, []byte(text), now)); diff != "" {
			t.Errorf("%q (-patterns +got):\n%s", text, diff)
		}
	})
}

var (
	group  = regexp.MustCompile(`(?i)^\[group[\s\v]+([^\s\v]+)\][\s\v]*(?:#.*)?$`)
	ipset  = regexp.MustCompile(`(?i)^\[ipset[\s\v]+([^\s\v]+)\][\s\v]*(?:#.*)?$`)
	name   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]+$`)
	entry  = regexp.MustCompile(`^(!)?[\s\v]*([^\s\v]+)[\s\v]*$`)
	device = regexp.MustCompile(`^ipfilter-net(0|[1-9]\d*)$`)
	yesNo  = map[firewall.Scope]*regexp.Regexp{
		firewall.Cluster: regexp.MustCompile(`(?i)^(ebtables):[\s\v]*(0|1)[\s\v]*$`), firewall.Node: regexp.MustCompile(`(?i)^(enable|nftables):[\s\v]*(0|1)[\s\v]*$`),
		firewall.Guest: regexp.MustCompile(`(?i)^(enable|ipfilter):[\s\v]*(0|1)[\s\v]*$`),
	}
	number = regexp.MustCompile(`(?i)^enable:[\s\v]*(\d+)[\s\v]*$`)
)

func byPatterns(scope firewall.Scope, text string) (f firewall.File) {
	section, set, sets := "", "", map[string][]firewall.Entry{}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Trim(line, " \t")
		switch lower := strings.ToLower(line); {
		case strings.HasPrefix(line, "#") || strings.Trim(line, " \t\n\v\f\r") == "":
		case lower == "[options]" || lower == "[rules]" || lower == "[aliases]" && scope != firewall.Node:
			section = lower
		case scope == firewall.Cluster && group.MatchString(line):
			if section = "group"; !name.MatchString(group.FindStringSubmatch(line)[1]) || len(group.FindStringSubmatch(line)[1]) > 20 {
				section = ""
			}
		case scope != firewall.Node && ipset.MatchString(line):
			section, set = "ipset", ipset.FindStringSubmatch(line)[1]
			if !name.MatchString(set) || len(set) > 64 {
				section = ""
				break
			}
			set = strings.ToLower(set)
			sets[set] = []firewall.Entry{}
		case section == "ipset":
			line, _, _ = strings.Cut(line, "#")
			if m := entry.FindStringSubmatch(line); m != nil {
				sets[set] = append(sets[set], firewall.Entry{Text: m[2], Not: m[1] != ""})
			}
		case section != "[options]":
		case scope == firewall.Cluster && number.MatchString(line):
			n, err := strconv.ParseInt(number.FindStringSubmatch(line)[1], 10, 64)
			f.Enable = err != nil || n == 1 || n > 1 && now.Unix()-n <= 60
		default:
			if m := yesNo[scope].FindStringSubmatch(line); m != nil {
				*map[string]*bool{"enable": &f.Enable, "ipfilter": &f.IPFilter, "nftables": &f.NFTables, "ebtables": &f.NoARP}[strings.ToLower(m[1])] = (m[2] == "1") != (strings.ToLower(m[1]) == "ebtables")
			}
		}
	}
	for s, entries := range sets {
		if m := device.FindStringSubmatch(s); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				if f.Sets == nil {
					f.Sets = map[int][]firewall.Entry{}
				}
				f.Sets[n] = entries
			}
		}
	}
	return f
}
