package node

// Unreleased holds a note for each guest that stopped on this boot while the
// ledger could not be written.
func (h *Host) Unreleased() Notes { return Notes{h.Path("/run/pve-iplease/unreleased")} }
