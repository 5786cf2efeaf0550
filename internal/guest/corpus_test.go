package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pve-iplease/internal/pve"
)

// TestCorpus sets net0's address in every sample and compares what the second
// reader then sees with what Proxmox's own parser is known to see.
func TestCorpus(t *testing.T) {
	t.Parallel()
	samples, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil || len(samples) < 40 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	addr := Addr{netip.MustParsePrefix("192.0.2.7/24"), netip.MustParseAddr("192.0.2.1")}
	for _, sample := range samples {
		name := strings.TrimSuffix(filepath.Base(sample), ".conf")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := readFile(t, sample)
			want := expected(t, strings.TrimSuffix(sample, ".conf")+".expected.json")

			c := Parse(pve.Container, data)
			edited, err := c.Set(0, addr)
			if diff := cmp.Diff(string(data), string(c.Bytes())); diff != "" {
				t.Errorf("the original changed (-want +got):\n%s", diff)
			}
			switch net0 := want["net0"].(type) {
			case nil:
				if !errors.Is(err, ErrNoNIC) {
					t.Fatalf("Set without net0: %v", err)
				}
				edited = c
			case string: // UNPARSABLE
				if err == nil || errors.Is(err, ErrNoNIC) || !strings.HasPrefix(err.Error(), "net0: ip ") {
					t.Fatalf("Set on %s: %v", net0, err)
				}
				edited = c
			default:
				if err != nil {
					t.Fatal(err)
				}
				onlyLineDiffers(t, string(data), string(edited.Bytes()), "net0:")
			}
			if diff := cmp.Diff(want, seen(string(edited.Bytes()))); diff != "" {
				t.Errorf("Proxmox would see (-want +got):\n%s", diff)
			}
		})
	}
}

// expected reads a sample's outcome, with every scalar as a string.
func expected(t *testing.T, file string) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(readFile(t, file)))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return scalars(v).(map[string]any)
}

func scalars(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = scalars(v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = scalars(v[i])
		}
		return v
	}
	return fmt.Sprint(v)
}

// seen is the second reader's view in the shape of the expected outcome:
// bytes above 127 are Latin-1 but in the description, which is UTF-8.
func seen(text string) map[string]any {
	o := readOracle(text)
	snapshots := map[string]any{}
	for name, s := range o.snapshots {
		snapshots[name] = plain(s)
	}
	all := plain(o.main)
	all["pending"], all["snapshots"] = plain(o.pending), snapshots
	if value, ok := o.main["net0"]; ok {
		all["net0"] = "UNPARSABLE"
		if props, ok := readNet(value); ok {
			all["net0"] = plain(props)
		}
	}
	var raw []any
	for _, e := range o.raw {
		raw = append(raw, []any{e[0], e[1]})
	}
	if raw != nil {
		all["lxc"] = raw
	}
	return all
}

func plain(s map[string]string) map[string]any {
	m := map[string]any{}
	for k, v := range s {
		if k != "description" {
			v = latin1(v)
		}
		m[k] = v
	}
	return m
}

func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// onlyLineDiffers checks that exactly one line changed, that it begins as
// told, and that it changed in ip=, gw=, ip6= and gw6= alone.
func onlyLineDiffers(t *testing.T, before, after, prefix string) {
	t.Helper()
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	if len(old) != len(now) {
		t.Fatalf("%d lines became %d", len(old), len(now))
	}
	changed := 0
	for i := range old {
		if old[i] == now[i] {
			continue
		}
		changed++
		if !strings.HasPrefix(old[i], prefix) {
			t.Errorf("line %d changed: %q", i+1, old[i])
		}
		if diff := cmp.Diff(unaddressed(old[i]), unaddressed(now[i])); diff != "" {
			t.Errorf("more than the address changed in line %d (-old +new):\n%s", i+1, diff)
		}
	}
	if changed != 1 {
		t.Errorf("%d lines changed, want 1", changed)
	}
}

// unaddressed is a line without its address properties. Blanks after the
// last property belong to the line and not to it.
func unaddressed(line string) []string {
	head, rest, _ := strings.Cut(line, ":")
	body := strings.TrimRight(rest, blanks)
	parts := []string{head, rest[len(body):]}
	lead := body[:len(body)-len(strings.TrimLeft(body, blanks))]
	parts = append(parts, lead)
	for part := range strings.SplitSeq(body[len(lead):], ",") {
		switch key, _, _ := strings.Cut(part, "="); key {
		case "ip", "gw", "ip6", "gw6":
		default:
			parts = append(parts, part)
		}
	}
	return parts
}
