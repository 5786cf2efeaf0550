package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/dns/dnsmessage"

	"pve-iplease/internal/lab"
)

// TestExamples tries the hooks that the README shows. Beside the commands of
// TestScript its scripts may use:
//
//	example NAME [OLD=>NEW...]  put a hook of the README's into hooks.d, with its settings changed
//	server ARG...               run a program on the node, in the script's directory, until its end
//	retry ARG...                run a program on the node until it does its work
//	resolves NAME ADDRESS       the node's DNS server says so, soon; "none" if there is no such name
//	webhook FILE                take what is posted to http://127.0.0.1:9000/ and write it to a file
func TestExamples(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	p := params("testdata/examples")
	for name, f := range map[string]func(*script, []string){"example": (*script).example, "server": (*script).server, "retry": (*script).retry, "resolves": (*script).resolves, "webhook": (*script).webhook} {
		p.Cmds[name] = func(ts *testscript.TestScript, _ bool, args []string) {
			s := ts.Value(stateKey{}).(*script)
			s.TestScript = ts
			f(s, args)
		}
	}
	p.Condition = lacks
	testscript.Run(t, p)
}

func (s *script) example(args []string) {
	readme, err := os.ReadFile("../../README.md")
	s.Check(err)
	_, rest, ok := strings.Cut(string(readme), "    #!/bin/sh\n    # /etc/pve-iplease/hooks.d/"+args[0]+"\n")
	if !ok {
		s.Fatalf("the README has no hook %s", args[0])
	}
	text := "#!/bin/sh\n"
	for line := range strings.Lines(rest) {
		code, inside := strings.CutPrefix(line, "    ")
		if !inside {
			break
		}
		text += code
	}
	for _, change := range args[1:] {
		from, to, _ := strings.Cut(change, "=>")
		if !strings.Contains(text, from) {
			s.Fatalf("the hook %s doesn't say %q", args[0], from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	dir := s.MkAbs("etc/pve-iplease/hooks.d")
	s.Check(os.MkdirAll(dir, 0o755))
	s.Check(os.WriteFile(filepath.Join(dir, args[0]), []byte(text), 0o755))
}

func (s *script) server(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	said, err := os.Create(s.MkAbs(args[0] + ".log")) // a file: it writes while the script goes on
	s.Check(err)
	defer said.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.MkAbs("."), said, said
	s.Check(s.node.Start(cmd))
	s.Defer(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

func (s *script) retry(args []string) {
	var out []byte
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		var said bytes.Buffer
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = s.MkAbs("."), &said, &said
		if s.node.Run(cmd) == nil {
			return
		}
		out = said.Bytes()
	}
	s.Fatalf("%s: %s", args, out)
}

func (s *script) resolves(args []string) {
	var got string
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if got = s.lookup(args[0]); got == args[1] {
			return
		}
	}
	s.Fatalf("%s is %s, not %s", args[0], got, args[1])
}

// lookup asks the DNS server on the node for a name's IPv4 address.
func (s *script) lookup(name string) string {
	var conn net.Conn
	err := s.node.Do(func() (err error) { conn, err = net.Dial("udp", "127.0.0.1:53"); return err })
	s.Check(err)
	defer conn.Close()
	host, err := dnsmessage.NewName(name + ".")
	s.Check(err)
	ask := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: host, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	packet, err := ask.Pack()
	s.Check(err)
	buf := make([]byte, 1500)
	s.Check(conn.SetDeadline(time.Now().Add(time.Second)))
	if _, err := conn.Write(packet); err != nil {
		return err.Error()
	}
	n, err := conn.Read(buf)
	if err != nil {
		return err.Error()
	}
	var m dnsmessage.Message
	s.Check(m.Unpack(buf[:n]))
	for _, a := range m.Answers {
		if r, ok := a.Body.(*dnsmessage.AResource); ok {
			return netip.AddrFrom4(r.A).String()
		}
	}
	if m.RCode == dnsmessage.RCodeServerFailure {
		return "unknown yet"
	}
	return "none"
}

func (s *script) webhook(args []string) {
	file := s.MkAbs(args[0])
	var mu sync.Mutex
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.ParseForm()
		var words []string
		for name := range r.PostForm {
			words = append(words, name+"="+r.PostForm.Get(name))
		}
		slices.Sort(words)
		if f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, _ = io.WriteString(f, fmt.Sprintf("%s %s %s\n", r.Method, r.URL.Path, strings.Join(words, " ")))
			_ = f.Close()
		}
	})}
	s.Check(s.node.Do(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:9000")
		if err == nil {
			s.Defer(func() { _ = l.Close() })
			go func() { _ = srv.Serve(l) }()
		}
		return err
	}))
}
