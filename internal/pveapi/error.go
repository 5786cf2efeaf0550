package pveapi

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// What a caller may want to tell apart; an Error is one of them by its status
// and reason.
var (
	ErrNodeDead   = errors.New("the node can't be reached")
	ErrChanged    = errors.New("the guest's config was changed by somebody else")
	ErrDenied     = errors.New("permission denied")
	ErrLogin      = errors.New("login refused")
	ErrNoGuest    = errors.New("no such guest")
	ErrNoAgent    = errors.New("the guest agent doesn't answer")
	ErrNotRunning = errors.New("the guest doesn't run")
)

// Error is a request that Proxmox refused.
type Error struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Status int               `json:"status"`           // HTTP's; 0 from pvesh, which doesn't tell it
	Reason string            `json:"reason"`           // Proxmox's own words, from HTTP's reason phrase
	Fields map[string]string `json:"fields,omitempty"` // what is wrong with each parameter
	As     string            `json:"as"`               // who asked: a user or a token
}

// Is sorts the error into this package's kinds.
func (e *Error) Is(target error) bool {
	says := func(text string) bool { return strings.Contains(e.Reason, text) }
	switch target {
	case ErrNodeDead:
		// AnyEvent::HTTP's numbers for what never reached a server: connect,
		// TLS handshake or timeout, and the rest. pvesh goes by ssh.
		return e.Status == 595 || e.Status == 596 || e.Status == 599 || e.Status == 0 && says("ssh: connect to host")
	case ErrChanged:
		return says("detected modified configuration") // PVE::Tools::assert_if_modified
	case ErrDenied:
		return e.Status == 403 || e.Status == 0 && says("Permission check failed")
	case ErrLogin:
		return e.Status == 401
	case ErrNoGuest:
		return says("Configuration file 'nodes/") && says("does not exist")
	case ErrNoAgent:
		return says("QEMU guest agent is not running") || says("No QEMU guest agent configured")
	case ErrNotRunning:
		return strings.HasSuffix(e.Reason, "not running") && !says("agent")
	}
	return false
}

// Error says what Proxmox said, and what to do about it.
func (e *Error) Error() string {
	switch {
	case errors.Is(e, ErrNodeDead):
		return fmt.Sprintf("node %s can't be reached (%s); see 'pvecm status'", e.node(), e.answer())
	case errors.Is(e, ErrLogin):
		return fmt.Sprintf("Proxmox doesn't accept %s (%s); %s", e.As, e.answer(), e.remedy())
	case errors.Is(e, ErrDenied):
		return e.denied()
	}
	return fmt.Sprintf("Proxmox refuses to %s %s: %s", e.verb(), e.Path, e.answer())
}

// answer is Proxmox's own words, those about single parameters included.
func (e *Error) answer() string {
	text := strings.TrimSpace(e.Reason)
	if e.Status != 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, text))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		text += fmt.Sprintf("; %s: %s", name, strings.TrimSpace(e.Fields[name]))
	}
	return text
}

// remedy is for a login that was refused.
func (e *Error) remedy() string {
	if user, _, token := strings.Cut(e.As, "!"); token {
		return fmt.Sprintf("'pveum user token list %s' shows its tokens and when they expire", user)
	}
	return "a ticket lasts two hours and depends on the clock: compare 'date' on the nodes"
}

// lacks is how Proxmox names the object and the missing privileges
// (PVE::RPCEnvironment::check). It is compiled when it is needed: a container's
// start, which never is, would pay for it too.
var lacks = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`Permission check failed \((/\S*), ([A-Za-z.|]+)\)`)
})

// denied names the missing privilege and how to grant it.
func (e *Error) denied() string {
	if strings.Contains(e.Reason, "only allowed for root@pam") {
		return fmt.Sprintf("%s may not %s %s: %s; run the command as root on a node", e.As, e.verb(), e.Path, e.answer())
	}
	m := lacks().FindStringSubmatch(e.Reason)
	if m == nil {
		return fmt.Sprintf("%s may not %s %s: %s", e.As, e.verb(), e.Path, e.answer())
	}
	text := fmt.Sprintf("%s lacks the privilege %s on %s", e.As, strings.ReplaceAll(m[2], "|", " or "), m[1])
	if strings.Contains(m[2], ".Audit") {
		return text + fmt.Sprintf("; 'pveum acl modify / --tokens %s --roles PVEAuditor' grants it (to its user as well, where the token has privilege separation)", e.As)
	}
	return text
}

func (e *Error) verb() string {
	if e.Method == Get {
		return "read"
	}
	return "change"
}

// node is the one that the path names.
func (e *Error) node() string {
	rest, _ := strings.CutPrefix(e.Path, "/nodes/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
