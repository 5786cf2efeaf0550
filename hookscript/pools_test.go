package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// subnets are the functions that may ask whether something is in a pool's
// subnet, or which pools overlap a segment. Whose pool an address is, is a
// question for lease.Pools.Of alone; these ask another one.
var subnets = map[string]string{
	"internal/lease/pools.go belonging":     "it is how Pools.Of answers",
	"internal/lease/pool.go Reaches":        "is a gateway a neighbour of the pool's guests",
	"internal/lease/candidate.go barred":    "has the network, or the broadcast address, the number of a guest's",
	"internal/config/clash.go":              "sections are held against one another",
	"internal/config/family.go checkSubnet": "is a range inside of its own section's subnet",
	"internal/config/reservation.go":        "in which sections, disabled ones included, is a reservation",

	"internal/cli/scan_target.go network":         "which networks does a scan's argument overlap",
	"internal/cli/setup_survey.go findPool":       "is there a pool already for a network that is to get one",
	"internal/doctor/examine_network.go resident": "has the bridge an address in the subnet, to ask from",
	"internal/evidence/prober.go controls":        "addresses of the subnet that nobody has",
	"internal/evidence/map.go Map":                "was it heard on the network of the picture",
	"internal/evidence/map.go mentioned":          "is it inside of the picture",
}

// TestWhosePool finds every other place that answers which pool an address
// belongs to: the first subnet that matches is the wrong answer where two pools
// share one.
func TestWhosePool(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !comparesSubnets(f) {
				continue
			}
			where := name + " " + f.Name.Name
			if _, ok := subnets[name]; ok {
				where = name
			}
			if used[where] = true; subnets[where] == "" {
				t.Errorf("%s compares subnets or segments of pools: ask lease.Pools.Of whose address it is, or say here what else it asks", where)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for where := range subnets {
		if !used[where] {
			t.Errorf("%s compares no subnets any more: take it out of the list", where)
		}
	}
}

// comparesSubnets reports whether a function calls X.Subnet.Contains or Overlaps,
// or X.Segment().Overlaps, by which pools are compared with something.
func comparesSubnets(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if method, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Contains", "Overlaps"}, method.Sel.Name) {
			found = found || isPools(method.X)
		}
		return true
	})
	return found
}

// isPools reports whether an expression is X.Subnet or X.Segment(). The field
// Segment is that of a lease or of a guest's interface.
func isPools(of ast.Expr) bool {
	want := "Subnet"
	if call, ok := of.(*ast.CallExpr); ok {
		of, want = call.Fun, "Segment"
	}
	s, ok := of.(*ast.SelectorExpr)
	return ok && s.Sel.Name == want
}
