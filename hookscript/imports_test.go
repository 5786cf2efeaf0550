package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "pve-iplease/"

// pieces are what the top layer puts together.
var pieces = []string{
	"clusterfs", "config", "dhcp", "fastio", "firewall", "guest", "history", "inventory", "lease", "ledger", "node", "phoenix", "probe", "pve", "pveapi", "report", "vendor",
}

// mayImport says which packages of ours each package may import: Proxmox's words
// at the bottom, the pure core on them, what touches the world above it, then
// what puts the pieces together, and the commands on top. A new package is
// entered here.
var mayImport = map[string][]string{
	"internal/pve":       {},
	"internal/clusterfs": {},
	"internal/fastio":    {},
	"internal/filelock":  {},
	"internal/jsontree":  {},
	"internal/ui":        {},

	"internal/lease":      {"pve"},
	"internal/config":     {"pve", "lease", "jsontree"},
	"internal/phoenix":    {"pve", "lease", "config", "jsontree"},
	"internal/dhcp":       {"pve"},
	"internal/firewall":   {"guest"},
	"internal/guest":      {"pve", "lease"},
	"internal/history":    {"pve"},
	"internal/inventory":  {"pve", "lease", "guest", "clusterfs", "fastio", "filelock"},
	"internal/ledger":     {"pve", "lease", "clusterfs", "fastio", "filelock"},
	"internal/node":       {"pve", "clusterfs", "fastio", "filelock", "firewall"},
	"internal/probe":      {"pve"},
	"internal/pveapi":     {"pve"},
	"internal/pveapi/web": {"pveapi"},
	"internal/report":     {"pve"},
	"internal/vendor":     {"pve"},

	"internal/evidence": pieces,
	"internal/doctor":   append([]string{"evidence", "ui"}, pieces...),
	"internal/hook":     pieces,
	"internal/cli":      append([]string{"doctor", "evidence", "hook", "ui"}, pieces...),

	// The programs: the one that runs at every start of a container, and the one
	// that speaks HTTPS for its commands.
	"hookscript":                 {"hook", "cli"},
	"hookscript/pve-iplease-api": {"pveapi/web"},

	// Only tests and scripts may import the lab, which must not need what it
	// is there to test.
	"internal/lab":          {"pve"},
	"internal/lab/pmxcfs":   {},
	"internal/lab/pveproxy": {},
	"internal/lab/sim":      {},
	// The benchmarks ask the probe how long a window is.
	"scripts/": {"pve", "lease", "lab", "probe"},
}

// topFolders are all that may stand beside the README; those of the second
// line are made by make, and ignored by git.
var topFolders = []string{
	"hookscript", "internal", "packaging", "scripts",
	"bin", "dist", "bench-results",
}

// TestImports holds the packages to their layers.
func TestImports(t *testing.T) {
	t.Parallel()
	const imports = "{{.ImportPath}} {{join .Imports \" \"}}"
	benchmarks := goList(t, "-C", "../scripts/bench", "-f", imports, "./...") // a module of its own
	for _, line := range append(goList(t, "-f", imports, "../..."), benchmarks...) {
		name, imports, _ := strings.Cut(strings.TrimPrefix(line, module), " ")
		allowed, ok := mayImport[name]
		if strings.HasPrefix(name, "scripts/") {
			allowed, ok = mayImport["scripts/"], true
		}
		if !ok {
			t.Errorf("%s: no rule says what it may import; add one", name)
		}
		for i := range strings.FieldsSeq(imports) {
			ours, found := strings.CutPrefix(i, module+"internal/")
			if found && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s; it may import %q", name, i, allowed)
			}
		}
	}
}

// TestNoTemplates keeps out of the program what uses text/template: it looks
// methods up by name, and the linker then keeps every method of every type.
func TestNoTemplates(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-dumpdep", "-o", os.DevNull, ".")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%.1000s", cmd, err, out)
	}
	if !strings.Contains(string(out), "main.main") {
		t.Fatal("the linker doesn't say what it keeps")
	}
	for line := range strings.Lines(string(out)) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " -> ")
		if !strings.HasPrefix(from, "text/template") && strings.HasPrefix(to, "text/template.(*Template).Execute") {
			t.Errorf("%s executes a template", from)
		}
	}
}

// heavy is what costs too much at the start of every container: go-runewidth
// spends 50 ms in init, and HTTPS with what belongs to it 3 ms.
var heavy = []string{
	"github.com/mattn/go-runewidth", "github.com/luthermonson/go-proxmox", "github.com/buger/goterm",
	"net/http", "crypto/tls", "crypto/x509", "database/sql",
}

// TestProduct keeps out of the programs what does not belong on a node, and out
// of the hookscript what only commands need.
func TestProduct(t *testing.T) {
	t.Parallel()
	hook, api := goList(t, "-deps", "."), goList(t, "-deps", "./pve-iplease-api")
	for _, dep := range slices.Concat(hook, api) {
		if strings.HasPrefix(dep, module+"internal/lab") || dep == "testing" {
			t.Errorf("a program contains %s, which is for tests", dep)
		}
	}
	for _, dep := range heavy {
		if slices.Contains(hook, dep) {
			t.Errorf("the hookscript contains %s, which costs every container's start", dep)
		}
	}
	if !slices.Contains(api, "net/http") {
		t.Error("the API's program contains no HTTP; this test looks at the wrong one")
	}
}

// TestSize holds the hookscript, as make builds it, to 9 MiB: what it is read
// from the disk for counts at a container's start, and grows unseen.
func TestSize(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/pve-iplease"
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(9 << 20); info.Size() > most {
		t.Errorf("the program has %d bytes, over %d", info.Size(), most)
	}
}

// TestTopFolders keeps the top of the tree as it is described.
func TestTopFolders(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topFolders, e.Name()) {
			t.Errorf("folder %s: only %q stand at the top", e.Name(), topFolders)
		}
	}
}

// goList asks the go command, one line a package.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
