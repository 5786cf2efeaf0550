package pveapi

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"

	"pve-iplease/internal/pve"
)

// Config is a guest's config as Proxmox reads it, every value as text.
type Config struct {
	Digest string // of the file that it was read from
	Values map[string]string
}

// UnmarshalJSON takes numbers written as strings and strings written as
// numbers alike, and leaves out what is a list, as lxc.* lines are.
func (c *Config) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	c.Values = make(map[string]string, len(raw))
	for key, value := range raw {
		var text string
		switch {
		case json.Unmarshal(value, &text) == nil:
			c.Values[key] = text
		case value[0] != '[' && value[0] != '{':
			c.Values[key] = string(value)
		}
	}
	c.Digest = c.Values["digest"]
	delete(c.Values, "digest")
	return nil
}

// Digest is Proxmox's mark of a guest config file's content.
func Digest(file []byte) string {
	sum := sha1.Sum(file)
	return hex.EncodeToString(sum[:])
}

// GetConfig reads the config of a guest on any node, pending changes included.
func (a *API) GetConfig(ctx context.Context, node string, kind pve.Kind, id pve.VMID) (Config, error) {
	var c Config
	err := a.Get(ctx, guest(node, kind, id)+"/config", nil, &c)
	return c, err
}

// SetConfig changes a guest's config; the key "delete" lists what to take out.
// A digest makes Proxmox refuse, with ErrChanged, when the config is no longer
// the one that was read; an empty one doesn't.
func (a *API) SetConfig(ctx context.Context, node string, kind pve.Kind, id pve.VMID, set map[string]string, digest string) error {
	params := maps.Clone(set)
	if digest != "" {
		params["digest"] = digest
	}
	return a.Put(ctx, guest(node, kind, id)+"/config", params)
}

func guest(node string, kind pve.Kind, id pve.VMID) string {
	folder := "lxc"
	if kind == pve.VM {
		folder = "qemu"
	}
	return "/nodes/" + url.PathEscape(node) + "/" + folder + "/" + id.String()
}
