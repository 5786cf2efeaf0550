package web

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"strings"
	"testing"
)

// Of go-proxmox these alone are used. Its types for guests fail on configs that
// Proxmox accepts (a container with cpulimit 0.5) and lose addresses, and
// Task.Wait adds 2.8 MB to the program.
var used = "APIError Client NewClient WithHTTPClient WithAPIToken WithSession"

func TestLittleOfTheLibraryIsUsed(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "proxmox" {
				found++
				if !strings.Contains(" "+used+" ", " "+s.Sel.Name+" ") {
					t.Errorf("%s uses %s", e.Name(), s.Sel.Name)
				}
			}
			return true
		})
	}
	if found == 0 {
		t.Error("the library isn't used at all; this test looks at nothing")
	}
}
