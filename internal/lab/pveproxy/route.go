package pveproxy

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// route finds what a path means and lets it be done.
func (s *Server) route(who user, r *http.Request, path string) answer {
	part := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/nodes":
		return ok(s.nodes())
	case path == "/cluster/resources":
		return ok(s.guests(who))
	case len(part) < 4 || part[0] != "nodes":
		return answer{status: http.StatusNotImplemented, reason: fmt.Sprintf("Method '%s %s' not implemented", r.Method, path)}
	}
	if status, dead := s.Dead[part[1]]; dead {
		return answer{status: status, reason: unreached[status]}
	}
	object := "/vms/" + part[3]
	switch rest := strings.Join(part[4:], "/"); {
	case part[2] == "storage":
		return s.volume(who, part[1], rest)
	case rest == "config" && r.Method == http.MethodGet:
		return needs(who, "VM.Audit", object, func() answer { return s.config(part[1], part[2], part[3]) })
	case rest == "config":
		return s.write(who, r, part[1], part[2], part[3])
	case rest == "status/current":
		return needs(who, "VM.Audit", object, func() answer {
			return ok(map[string]any{"status": s.status(part[1], part[2], part[3]), "vmid": part[3]})
		})
	case rest == "interfaces":
		return needs(who, "VM.Audit", object, func() answer { return s.live(path) })
	case rest == "agent/network-get-interfaces":
		return needs(who, "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted", object, func() answer { return s.live(path) })
	}
	return answer{status: http.StatusNotImplemented, reason: fmt.Sprintf("Method '%s %s' not implemented", r.Method, path)}
}

// unreached is what AnyEvent::HTTP says of a server that it couldn't ask.
var unreached = map[int]string{
	http.StatusNotFound: "Not Found", 595: "No route to host", 596: "Connection timed out", 599: "Too many redirections",
}

// needs refuses who lacks all of some privileges.
func needs(who user, privileges, object string, do func() answer) answer {
	for p := range strings.SplitSeq(privileges, "|") {
		if who.may(p) {
			return do()
		}
	}
	return answer{status: http.StatusForbidden, reason: fmt.Sprintf("Permission check failed (%s, %s)", object, privileges)}
}

func (s *Server) nodes() []map[string]any {
	list := []map[string]any{}
	entries, _ := os.ReadDir(filepath.Join(s.Root, "etc/pve/nodes"))
	for _, e := range entries {
		status := "online"
		if _, dead := s.Dead[e.Name()]; dead {
			status = "offline"
		}
		list = append(list, map[string]any{"node": e.Name(), "status": status, "type": "node", "uptime": "4711"})
	}
	return list
}

// guests lists those that the user may see. They run if they report anything.
func (s *Server) guests(who user) []map[string]any {
	list := []map[string]any{}
	files, _ := filepath.Glob(filepath.Join(s.Root, "etc/pve/nodes/*/*/*.conf"))
	for _, f := range files {
		if !who.may("VM.Audit") {
			continue
		}
		id := strings.TrimSuffix(filepath.Base(f), ".conf")
		node := filepath.Base(filepath.Dir(filepath.Dir(f)))
		kind := "lxc"
		if filepath.Base(filepath.Dir(f)) == "qemu-server" {
			kind = "qemu"
		}
		status := s.status(node, kind, id)
		if _, dead := s.Dead[node]; dead || s.NoStatus[node] {
			status = "unknown"
		}
		list = append(list, map[string]any{"vmid": id, "node": node, "type": kind, "status": status, "template": "0"})
	}
	return list
}

// status is whether a guest runs, as its node finds out when it is asked.
func (s *Server) status(node, kind, id string) string {
	live := "interfaces"
	if kind == "qemu" {
		live = "agent/network-get-interfaces"
	}
	if _, runs := s.Live["/nodes/"+node+"/"+kind+"/"+id+"/"+live]; runs {
		return "running"
	}
	return "stopped"
}

// live is what a test says that a guest reports: JSON, or the text of an error.
func (s *Server) live(path string) answer {
	text, runs := s.Live[path]
	switch {
	case !runs && strings.Contains(path, "/qemu/"):
		return fail("VM %s is not running", strings.Split(path, "/")[4])
	case !runs:
		return ok(nil)
	case !json.Valid([]byte(text)):
		return fail("%s", text)
	}
	return ok(json.RawMessage(text))
}

// volume tells of a snippet; without enough rights nothing at all.
func (s *Server) volume(who user, node, rest string) answer {
	name := strings.TrimPrefix(rest, "content/")
	switch {
	case !who.may("Datastore.Allocate"):
		return fail("missing privileges to access %s", name)
	case s.has(node):
		return ok(map[string]any{"path": "/var/lib/vz/snippets/pve-iplease", "size": "8388608", "format": "raw"})
	}
	return fail("volume_size_info on '%s' failed - no format", name)
}

// has reports whether a node has the hookscript's file.
func (s *Server) has(node string) bool {
	if s.Script != nil {
		return s.Script(node)
	}
	info, err := os.Stat(filepath.Join(s.Root, "var/lib/vz/snippets/pve-iplease"))
	return err == nil && info.Mode()&0o111 != 0
}

func (s *Server) file(node, kind, id string) string {
	folder := map[string]string{"lxc": "lxc", "qemu": "qemu-server"}[kind]
	return filepath.Join(s.Root, "etc/pve/nodes", node, folder, id+".conf")
}

func (s *Server) load(node, kind, id string) (data []byte, bad answer) {
	path := s.file(node, kind, id)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fail("Configuration file 'nodes/%s/%s/%s.conf' does not exist", node, filepath.Base(filepath.Dir(path)), id)
	}
	return data, answer{}
}

func digest(data []byte) string {
	sum := sha1.Sum(data)
	return hex.EncodeToString(sum[:])
}

var property = regexp.MustCompile(`^([a-z][a-z_]*\d*):\s*(.+?)\s*$`)

// config is the running config; every other number comes as a string.
func (s *Server) config(node, kind, id string) answer {
	data, bad := s.load(node, kind, id)
	if data == nil {
		return bad
	}
	values := map[string]any{"digest": digest(data), "lxc": [][]string{{"lxc.cap.drop", "sys_time"}}}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "[") {
			break
		}
		m := property.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		values[m[1]] = m[2]
		if n, err := strconv.Atoi(m[2]); err == nil && len(m[1])%2 == 0 {
			values[m[1]] = n
		}
	}
	return ok(values)
}
