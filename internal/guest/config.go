package guest

import (
	"strings"

	"pve-iplease/internal/pve"
)

// Config is a guest's config file. It is immutable; the zero value is an
// empty file of a container.
type Config struct {
	kind     pve.Kind
	text     string
	entries  []entry
	sections []section // the running part first
}

// entry is one line that Proxmox takes as a setting.
type entry struct {
	key, value string
	at         int // where the value begins in the file, in bytes
}

// Bytes returns the file, edited or as it was read. The caller owns the slice.
func (c Config) Bytes() []byte { return []byte(c.text) }

// Value returns a setting of the running part, without the blanks around it.
// Of several lines with one key the last counts, also in a VM's config, where
// Proxmox would drop one with a bad value. The description is no setting here.
func (c Config) Value(key string) (string, bool) {
	all := c.in(c.running())
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].key == key {
			return all[i].value, true
		}
	}
	return "", false
}

// Template reports whether the guest is a template, which never starts.
func (c Config) Template() bool {
	v, _ := c.Value("template")
	on, err := boolean(v)
	return err == nil && on
}

// Hookscript returns the volume that Proxmox runs as the guest's hook, like
// local:snippets/NAME; empty when there is none.
func (c Config) Hookscript() string { return c.plain("hookscript") }

// OSType returns the kind of system inside the guest, like debian or
// unmanaged; empty when the file does not say.
func (c Config) OSType() string { return c.plain("ostype") }

// Hostname returns the hostname of a container or the name of a VM; empty
// when the file does not say. It is a foreign string, unchecked.
func (c Config) Hostname() string {
	if c.kind == pve.VM {
		return c.plain("name")
	}
	return c.plain("hostname")
}

func (c Config) plain(key string) string {
	v, _ := c.Value(key)
	return strings.Trim(v, blanks)
}

func (c Config) running() section {
	if len(c.sections) == 0 {
		return section{}
	}
	return c.sections[0]
}

func (c Config) in(s section) []entry { return c.entries[s.from:s.to] }
