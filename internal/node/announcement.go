package node

import (
	"os"
	"path/filepath"

	"pve-iplease/internal/fastio"
	"pve-iplease/internal/pve"
)

// errandPath is where a pre-start leaves a word for the post-start of the same
// guest. It is lost at a reboot, as the guest's run is.
func (h *Host) errandPath(id pve.VMID) string {
	return h.Path("/run/pve-iplease/post-start/" + id.String())
}

// LeaveAnnouncement leaves a text for the guest's post-start, in place of one that a
// failed start may have left; an empty one leaves nothing.
func (h *Host) LeaveAnnouncement(id pve.VMID, text []byte) error {
	path := h.errandPath(id)
	if len(text) == 0 {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// TakeAnnouncement returns what was left, once; mostly that is nothing.
func (h *Host) TakeAnnouncement(id pve.VMID) []byte {
	path := h.errandPath(id)
	text, err := fastio.ReadFile(path)
	if err != nil {
		return nil
	}
	_ = os.Remove(path)
	return text
}
