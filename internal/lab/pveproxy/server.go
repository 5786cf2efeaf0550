// Package pveproxy is a stand-in for Proxmox's API daemon, with its habits on
// the wire: the text of an error is HTTP's reason phrase, numbers come as
// strings, a login that is refused takes three seconds, a request for a node
// that is dead ends with a number above 594, and a config that has changed since
// is not written. It works on the files of a host below a root directory, and
// it checks tickets and CSRF tokens with the cluster's own keys.
package pveproxy

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Server is the daemon of one node. Set the fields before Serve.
type Server struct {
	Root   string
	Node   string              // the one that it runs on
	Dead   map[string]int      // nodes that can't be reached, with the status: 595, 596 or 599
	Tokens map[string][]string // USER@REALM!NAME=SECRET to its privileges
	Script func(node string) bool
	// NoStatus are nodes whose pvestatd is down: the cluster doesn't know who runs.
	NoStatus map[string]bool
	Live     map[string]string     // what running guests report, as JSON, by path
	Pause    func(d time.Duration) // before a login is refused; nil: time.Sleep
	Before   func(file string)     // what somebody else does before a config is written; may be nil

	mu  sync.Mutex
	log []string
}

// answer is what a request ends with.
type answer struct {
	status int
	reason string
	data   any               // what the client asked for
	errors map[string]string // by parameter
}

func ok(data any) answer { return answer{status: http.StatusOK, reason: "OK", data: data} }

func fail(format string, args ...any) answer {
	return answer{status: http.StatusInternalServerError, reason: fmt.Sprintf(format, args...)}
}

// Serve answers on a listener with the node's own certificate until the
// listener is closed.
func (s *Server) Serve(l net.Listener) error {
	dir := filepath.Join(s.Root, "etc/pve/local")
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "pve-ssl.pem"), filepath.Join(dir, "pve-ssl.key"))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: s, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, ErrorLog: quiet()}
	go func() {
		_ = srv.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	}()
	return nil
}

// Log is what was asked, one "METHOD path" a request that was let in.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// ServeHTTP answers one request as PVE::HTTPServer does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, inside := strings.CutPrefix(r.URL.Path, "/api2/json")
	if !inside {
		reply(w, answer{status: http.StatusNotImplemented, reason: "no such uri"})
		return
	}
	who, refused := s.login(r)
	if refused != "" {
		pause := s.Pause
		if pause == nil {
			pause = time.Sleep
		}
		pause(3 * time.Second)
		reply(w, answer{status: http.StatusUnauthorized, reason: refused})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, r.Method+" "+path)
	reply(w, s.route(who, r, path))
}

// reply writes an answer by hand: net/http has no way to set a reason phrase.
func reply(w http.ResponseWriter, a answer) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	body := map[string]any{"data": a.data}
	if a.status >= 400 {
		body["message"] = a.reason
	}
	if a.errors != nil {
		body["errors"] = a.errors
	}
	text, _ := json.Marshal(body)
	if a.status > 500 { // what comes from AnyEvent::HTTP has no body
		text = nil
	}
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		a.status, a.reason, len(text), text)
}
