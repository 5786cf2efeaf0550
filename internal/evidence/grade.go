package evidence

// Grade says how good a thing is.
type Grade uint8

// The grades. An Error is what keeps guests from starting, or from having
// addresses of their own; a Warning is what may.
const (
	OK Grade = iota
	Doubtful
	Wrong
)

func (g Grade) String() string { return [...]string{"ok", "warning", "error"}[g] }

// MarshalText writes the grade as a word, for JSON.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Check is one thing that was looked at, and what to do about it.
type Check struct {
	Grade Grade  `json:"grade"`
	About string `json:"about"` // cluster, config, ledger, hookscript, …
	Text  string `json:"text"`  // one sentence, without a full stop
	Do    []Step `json:"do,omitempty"`
}
