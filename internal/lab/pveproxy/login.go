package pveproxy

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// user is who asks; nil privileges are root's, who has all.
type user struct {
	name       string
	privileges []string
	root       bool
}

func (u user) may(privilege string) bool { return u.root || slices.Contains(u.privileges, privilege) }

// lifetime is how long a ticket is good for, and how far ahead the clock of
// the node that made it may be.
const (
	lifetime = 2 * time.Hour
	grace    = 5 * time.Minute
)

// login finds out who asks, or why nobody is let in
// (PVE::HTTPServer::auth_handler).
func (s *Server) login(r *http.Request) (who user, refused string) {
	if cookie := after(r.Header.Get("Cookie"), "PVEAuthCookie="); cookie != "" {
		name, good := s.ticket(cookie)
		if !good {
			return user{}, "permission denied - invalid PVE ticket"
		}
		if r.Method != http.MethodGet && !s.csrf(name, r.Header.Get("CSRFPreventionToken")) {
			return user{}, "Permission denied - invalid csrf token"
		}
		return user{name: name, root: name == "root@pam"}, ""
	}
	if token := after(r.Header.Get("Authorization"), "PVEAPIToken="); token != "" {
		privileges, known := s.Tokens[token]
		if !known {
			return user{}, "invalid token value!"
		}
		id, _, _ := strings.Cut(token, "=")
		return user{name: id, privileges: privileges}, ""
	}
	return user{}, "No ticket"
}

func after(header, key string) string {
	_, value, _ := strings.Cut(header, key)
	value, _, _ = strings.Cut(value, ";")
	value, err := url.PathUnescape(value)
	if err != nil {
		return ""
	}
	return value
}

var (
	ticketForm = regexp.MustCompile(`^(PVE:(\S+):([A-Z0-9]{8}))::([^:\s]+)$`)
	csrfForm   = regexp.MustCompile(`^([A-Z0-9]{8}):(\S+)$`)
)

// ticket checks a ticket's signature and age (PVE::Ticket::verify_rsa_ticket).
func (s *Server) ticket(text string) (name string, good bool) {
	m := ticketForm.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	data, err := os.ReadFile(filepath.Join(s.Root, "etc/pve/authkey.pub"))
	if err != nil {
		return "", false
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return "", false
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, isRSA := key.(*rsa.PublicKey)
	signature, serr := base64.StdEncoding.DecodeString(m[4])
	digest := sha1.Sum([]byte(m[1]))
	if err != nil || !isRSA || serr != nil || rsa.VerifyPKCS1v15(public, crypto.SHA1, digest[:], signature) != nil {
		return "", false
	}
	return m[2], young(m[3])
}

// csrf checks a token for writing (PVE::Ticket::verify_csrf_prevention_token).
func (s *Server) csrf(name, text string) bool {
	m := csrfForm.FindStringSubmatch(text)
	file, err := os.ReadFile(filepath.Join(s.Root, "etc/pve/pve-www.key"))
	if m == nil || err != nil {
		return false
	}
	// Digest::SHA's hmac functions take their last argument for the key.
	secret := hmacSHA256("", string(file))
	return young(m[1]) && hmacSHA256(m[1]+":"+name, secret) == m[2]
}

func hmacSHA256(text, key string) string {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(h, text)
	return strings.TrimRight(base64.StdEncoding.EncodeToString(h.Sum(nil)), "=")
}

func young(stamp string) bool {
	n, err := strconv.ParseInt(stamp, 16, 64)
	age := time.Since(time.Unix(n, 0))
	return err == nil && age > -grace && age < lifetime
}

// quiet is where net/http tells of clients that don't like the certificate.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
