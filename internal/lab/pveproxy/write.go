package pveproxy

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
)

// write changes a config as PVE::API2::LXC::Config's update_vm does.
func (s *Server) write(who user, r *http.Request, node, kind, id string) answer {
	var params map[string]string
	if err := json.NewDecoder(r.Body).Decode(&params); err != nil {
		return fail("%v", err)
	}
	if params["hookscript"]+params["delete"] != "" && !who.root {
		return answer{status: http.StatusForbidden, reason: "Permission check failed (changing the hookscript is only allowed for root@pam)"}
	}
	if s.Before != nil {
		s.Before(s.file(node, kind, id))
	}
	data, bad := s.load(node, kind, id)
	if data == nil {
		return bad
	}
	if d := params["digest"]; d != "" && d != digest(data) {
		return fail("detected modified configuration - file changed by other user? Try again.")
	}
	delete(params, "digest")
	out := params["delete"]
	delete(params, "delete")
	for name := range params {
		if name != "hookscript" && name != "net0" && name != "description" {
			return answer{status: http.StatusBadRequest, reason: "Parameter verification failed.", errors: map[string]string{name: "property is not defined in schema and the schema does not allow additional properties"}}
		}
	}
	if script := params["hookscript"]; script != "" && !s.has(node) {
		return fail("script '%s' does not exist", script)
	}
	if err := os.WriteFile(s.file(node, kind, id), edit(data, params, out), 0o640); err != nil {
		return fail("%v", err)
	}
	return ok(nil)
}

// edit sets and takes out properties of the running config.
func edit(data []byte, set map[string]string, out string) []byte {
	head, tail := string(data), ""
	if i := strings.Index("\n"+head, "\n["); i >= 0 {
		head, tail = head[:i], head[i:]
	}
	var b strings.Builder
	for line := range strings.Lines(head) {
		name, _, _ := strings.Cut(line, ":")
		if _, again := set[name]; !again && name != out {
			b.WriteString(line)
		}
	}
	for name, value := range set {
		b.WriteString(name + ": " + value + "\n")
	}
	return []byte(b.String() + tail)
}
