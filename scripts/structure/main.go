// Structure counts how well the house can be read: arrows between the files of
// a package that run against the reading order, methods of one type, lengths of
// functions, and type names that stand in several packages. It prints numbers
// and decides nothing.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	detail := flag.Bool("v", false, "say what each number is made of")
	flag.Parse()
	dirs, err := packageDirs("hookscript", "internal")
	if err != nil {
		fmt.Fprintln(os.Stderr, "structure:", err)
		os.Exit(1)
	}
	var h house
	for _, dir := range dirs {
		p, err := read(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "structure:", err)
			os.Exit(1)
		}
		h = append(h, p)
	}
	h.print(os.Stdout, *detail)
}

// packageDirs lists the folders below the roots that hold Go files of the
// product; internal/lab is for tests alone.
func packageDirs(roots ...string) (dirs []string, err error) {
	for _, root := range roots {
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || path == filepath.Join("internal", "lab")):
				return fs.SkipDir
			case !d.IsDir() && product(d.Name()) && !slices.Contains(dirs, filepath.Dir(path)):
				dirs = append(dirs, filepath.Dir(path))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// product tells a Go file that is no test.
func product(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// pkg is one package as its syntax and its own names tell it; what it imports
// is left unknown, so that nothing has to be built.
type pkg struct {
	dir   string
	set   *token.FileSet
	files []*ast.File
	order []string // file names in the order that the package comment gives
	info  types.Info
}

func read(dir string) (*pkg, error) {
	p := &pkg{dir: dir, set: token.NewFileSet(), info: types.Info{
		Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !product(e.Name()) {
			continue
		}
		f, err := parser.ParseFile(p.set, filepath.Join(dir, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
		p.order = append(p.order, named(f)...)
	}
	conf := types.Config{Importer: unknown{}, Error: func(error) {}}
	_, _ = conf.Check(dir, p.set, p.files, &p.info) // what is imported is an error each
	return p, nil
}

// named are the files that a package comment names.
func named(f *ast.File) (names []string) {
	if f.Doc == nil {
		return nil
	}
	for _, word := range strings.FieldsFunc(f.Doc.Text(), func(r rune) bool { return strings.ContainsRune(" \n\t,;()", r) }) {
		if word = strings.TrimSuffix(word, "."); strings.HasSuffix(word, ".go") {
			names = append(names, word)
		}
	}
	return names
}

// unknown imports every package as an empty one.
type unknown struct{}

func (unknown) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}
