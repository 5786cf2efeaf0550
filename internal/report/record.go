package report

import "pve-iplease/internal/pve"

// The priorities of syslog that are used here (RFC 5424 §6.2.1).
const (
	PriorityError   = 3
	PriorityWarning = 4
	PriorityInfo    = 6
)

// Fields say what a message is about. Empty ones are left out.
type Fields struct {
	VMID    pve.VMID
	Phase   string // of the hook: pre-start, post-stop, …
	Address string // with or without a prefix length
	Pool    string
	Outcome string // one word, such as leased, renewed, refused
	Reason  string // why, such as "last address of this guest"
}

// Record is one message with all that goes with it.
type Record struct {
	Fields
	Message  string // one sentence without a full stop
	Priority int
}

// or fills the empty fields of f from others.
func (f Fields) or(others Fields) Fields {
	first := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	if f.VMID == 0 {
		f.VMID = others.VMID
	}
	f.Phase = first(f.Phase, others.Phase)
	f.Address = first(f.Address, others.Address)
	f.Pool = first(f.Pool, others.Pool)
	f.Outcome = first(f.Outcome, others.Outcome)
	f.Reason = first(f.Reason, others.Reason)
	return f
}
