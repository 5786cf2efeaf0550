package evidence

import "pve-iplease/internal/pve"

// Severity says how bad a verdict is.
type Severity uint8

// The severities. Only a Conflict is worth an alarm: two that want one
// address, and one of them has it or will.
const (
	Fine Severity = iota
	Notice
	Warning
	Conflict
)

func (s Severity) String() string {
	return [...]string{"ok", "notice", "warning", "conflict"}[s]
}

// MarshalText writes the severity as a word, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Verdict is the answer to the question who has an address.
type Verdict struct {
	Severity Severity `json:"severity"`
	Text     string   `json:"text"` // one sentence, without a full stop
	Do       []Step   `json:"do,omitempty"`
	// Twice is the MAC address that two guests have, when that is the whole of
	// the matter, whatever the address; else zero.
	Twice pve.MAC `json:"-"`
}

// Step is one thing that an administrator can do about it; several steps are
// alternatives, the quickest first.
type Step struct {
	What  string   `json:"what"` // isolate, reconfigure, move, reserve, …
	How   string   `json:"how"`
	Lines []string `json:"lines,omitempty"` // to paste
}
