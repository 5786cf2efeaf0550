package config_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/config"
)

func prop(key string, values ...string) config.Prop { return config.Prop{Key: key, Values: values} }

// office is a file as people leave it.
const office = `# Everything about the office.

# The first floor.
pool: lan
	bridge   vmbr0
	subnet 10.0.0.0/24   
	# the old router: 10.0.0.2
	range 10.0.0.200-10.0.0.209
	range	10.0.0.220-10.0.0.239

reservation: 10.0.0.201
  guest 101

# The end.
`

func TestEdit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change   config.Change
		old, new string // what is replaced in the file; nothing: new is the end
	}{
		"value":         {config.Set("pool", "lan", prop("bridge", "vmbr7")), "bridge   vmbr0", "bridge   vmbr7"},
		"blanks stay":   {config.Set("pool", "lan", prop("subnet", "10.0.0.0/16")), "subnet 10.0.0.0/24   ", "subnet 10.0.0.0/16   "},
		"lists merge":   {config.Set("pool", "lan", prop("range", "10.0.0.5", "10.0.0.7")), "range 10.0.0.200-10.0.0.209\n\trange	10.0.0.220-10.0.0.239\n", "range 10.0.0.5,10.0.0.7\n"},
		"new property":  {config.Set("pool", "lan", prop("gateway", "10.0.0.1"), prop("hold", "7d")), "239\n", "239\n\tgateway 10.0.0.1\n\thold 7d\n"},
		"indented":      {config.Set("reservation", "10.0.0.201", prop("comment", "build server")), "guest 101\n", "guest 101\n  comment build server\n"},
		"no property":   {config.Set("pool", "lan", prop("range")), "\trange 10.0.0.200-10.0.0.209\n\trange	10.0.0.220-10.0.0.239\n", ""},
		"none of it":    {config.Set("pool", "lan", prop("gateway")), "", ""},
		"other and new": {config.Set("pool", "lan", prop("range"), prop("hold", "7d")), "\trange 10.0.0.200-10.0.0.209\n\trange	10.0.0.220-10.0.0.239\n", "\thold 7d\n"},
		"removed":       {config.Remove("pool", "lan"), office[strings.Index(office, "pool"):strings.Index(office, "\nreservation")], ""},
		"removed, too":  {config.Remove("reservation", "10.0.0.201"), "reservation: 10.0.0.201\n  guest 101\n\n", ""},
		"added": {
			config.Add("pool", "dmz", prop("bridge", "vmbr1"), prop("subnet", "10.1.0.0/24"), prop("gateway"), prop("range", "10.1.0.5", "10.1.0.7")), "",
			"\npool: dmz\n\tbridge vmbr1\n\tsubnet 10.1.0.0/24\n\trange 10.1.0.5,10.1.0.7\n",
		},
		"reserved": {config.Add("reservation", "10.0.0.9"), "", "\nreservation: 10.0.0.9\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := office + tt.new
			if tt.old != "" {
				want = strings.Replace(office, tt.old, tt.new, 1)
			}
			for _, end := range []string{"\n", "\r\n"} {
				as := func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", end) }
				got, err := config.Edit("pools.cfg", []byte(as(office)), tt.change)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(as(want), string(got)); diff != "" {
					t.Errorf("text (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// However a file ends, a section that is added and removed leaves no trace but
// the end of its last line.
func TestEditAtTheEnd(t *testing.T) {
	t.Parallel()
	const section = "reservation: 10.0.0.9\n"
	tests := map[string]string{
		"": section, "\n": "\n" + section, "# a": "# a\n\n" + section, "# a\n": "# a\n\n" + section, "# a\n\n": "# a\n\n" + section,
		"pool: a\n\tbridge b": "pool: a\n\tbridge b\n\n" + section,
	}
	for before, want := range tests {
		got, err := config.Edit("pools.cfg", []byte(before), config.Add("reservation", "10.0.0.9"))
		if err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v", before, got, err)
		}
		back, err := config.Edit("pools.cfg", got, config.Remove("reservation", "10.0.0.9"))
		if err != nil || strings.TrimRight(string(back), "\n") != strings.TrimRight(before, "\n") {
			t.Errorf("%q and back becomes %q, %v", before, back, err)
		}
	}
	got, err := config.Edit("pools.cfg", []byte("pool: a\n\tbridge b"), config.Set("pool", "a", prop("vlan", "5")))
	if want := "pool: a\n\tbridge b\n\tvlan 5\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change config.Change
		want   string
	}{
		"unknown":      {config.Set("pool", "lan", prop("gatway", "10.0.0.1")), `pool lan: there is no property "gatway"; did you mean gateway?`},
		"wrong kind":   {config.Set("reservation", "10.0.0.201", prop("range", "10.0.0.1")), `reservation 10.0.0.201: there is no property "range"`},
		"two values":   {config.Set("pool", "lan", prop("bridge", "a", "b")), `pool lan: bridge has one value, not 2`},
		"empty":        {config.Set("pool", "lan", prop("bridge", "")), `pool lan: bridge has no value`},
		"injection":    {config.Set("pool", "lan", prop("comment", "a\npool: b")), `pool lan: comment: "a\npool: b" is no plain text on one line`},
		"in the name":  {config.Add("pool", "lan\n"), `pool "lan\n": "lan\n" is no plain text on one line`},
		"no UTF-8":     {config.Set("pool", "lan", prop("comment", "\xff")), `pool lan: comment: "\xff" is no plain text on one line`},
		"blanks":       {config.Set("pool", "lan", prop("comment", " a")), `pool lan: comment: " a" has blanks around it`},
		"no name":      {config.Add("pool", ""), `pool "": a section has a name`},
		"no such kind": {config.Add("pools", "a"), `pools a: "pools" is none of the section types pool, reservation`},
		"there":        {config.Add("pool", "lan"), `pool lan: it is there already, in line 4`},
		"not there":    {config.Set("pool", "dmz"), `pool dmz: the pools file has no such section`},
		"not there 2":  {config.Remove("pool", "dmz"), `pool dmz: the pools file has no such section`},
		"twice":        {config.Remove("reservation", "10.0.0.7"), `reservation 10.0.0.7: it is there twice, in lines 15 and 16; remove one of the two in an editor`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Edit("pools.cfg", []byte(office+"reservation: 10.0.0.7\nreservation: 10.0.0.7\n"), tt.change)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
	if _, err := config.Edit("pools.cfg", []byte("\xff\xfep\x00"), config.Add("pool", "a")); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}

// A problem that was there before is no reason to refuse a change, wherever
// its lines have gone.
func TestFresh(t *testing.T) {
	t.Parallel()
	before := "\n\npool: a\n x y\n\npool: a\n bridge b\n"
	after, err := config.Edit("p", []byte(strings.TrimLeft(before, "\n")), config.Add("reservation", "10.0.0.9", prop("guest", "12")))
	if err != nil {
		t.Fatal(err)
	}
	got := told(config.Fresh("p", []byte(before), after))
	want := `warning: p:7: reservation 10.0.0.9: 10.0.0.9 is in no pool's subnet; the reservation has no effect
p:8: reservation 10.0.0.9: guest: "12" is not a VMID; it is a number from 100 to 999999999`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fresh (-want +got):\n%s", diff)
	}
}

func FuzzEdit(f *testing.F) {
	f.Add(office, "lan", "gateway", "10.0.0.1")
	f.Add("pool a\n", "a", "range", "10.0.0.1")
	f.Add("# a\npool a\n\n# b\nreservation: 10.0.0.9", "a", "range", "10.0.0.1")
	f.Add("pool:a\n\n#\r\n range\t\n range 1", "a", "range", "10.0.0.1")
	f.Fuzz(func(t *testing.T, text, name, key, value string) {
		for _, c := range []struct {
			change config.Change
			kept   func(before, after string) bool
		}{
			{config.Add("pool", name, prop(key, value)), func(before, after string) bool { return strings.HasPrefix(after, before) }},
			{config.Set("pool", name, prop(key, value)), func(before, after string) bool { return without(before, key) == without(after, key) }},
			{config.Set("pool", name, prop(key)), func(before, after string) bool { return without(before, key) == without(after, key) }},
			{config.Remove("pool", name), keptAround},
		} {
			got, err := config.Edit("pools.cfg", []byte(text), c.change)
			if err != nil {
				continue
			}
			checkConfig(t, "pools.cfg", got)
			if !c.kept(text, string(got)) {
				t.Errorf("%q became %q by %+v", text, got, c.change)
			}
		}
	})
}

// without is a text without the lines that begin with a word, and without its
// last line's end.
func without(text, word string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool {
		first := strings.TrimLeft(line, blanks)
		rest, found := strings.CutPrefix(first, word)
		return found && strings.IndexAny(rest+"\n", blanks) == 0
	})
	return strings.TrimRight(strings.Join(lines, ""), blanks)
}

const blanks = " \t\v\f\r\n"

// keptAround reports whether one section is all that went: a run of whole
// lines, of which the first that isn't blank is its header, and which holds
// no other's.
func keptAround(before, after string) bool {
	header := regexp.MustCompile(`(?m)^([ \t\v\f\r]*(pool|reservation):|(pool|reservation)([ \t\v\f\r]|$))`)
	old, now := slices.Collect(strings.Lines(before)), slices.Collect(strings.Lines(after))
	n := len(old) - len(now)
	for at := range len(now) + 1 {
		if n < 0 || strings.Join(slices.Delete(slices.Clone(old), at, at+n), "") != after {
			continue
		}
		gone := strings.TrimLeft(strings.Join(old[at:at+n], ""), blanks)
		if where := header.FindAllStringIndex(gone, -1); len(where) == 1 && where[0][0] == 0 {
			return true
		}
	}
	return false
}
