package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// longFunction is the length in lines from which on a function is counted.
const longFunction = 50

// house is every package of the product.
type house []*pkg

// print writes the numbers; with detail, what each is made of.
func (h house) print(w io.Writer, detail bool) {
	for _, p := range h {
		up := p.up()
		if len(up) == 0 {
			continue
		}
		fmt.Fprintf(w, "%-24s %3d arrows back up the reading order\n", p.dir, len(up))
		if detail {
			for _, a := range slices.Sorted(maps.Keys(up)) {
				fmt.Fprintf(w, "    %s (%d)\n", a, up[a])
			}
		}
	}
	lines, long := h.lengths()
	most, methods := h.largest()
	shared := h.shared()
	fmt.Fprintf(w, "lines of the product     %d\n", lines)
	fmt.Fprintf(w, "most methods on a type   %d (%s)\n", methods, most)
	fmt.Fprintf(w, "functions over %d lines  %d %s\n", longFunction, len(long), strings.Join(long, ", "))
	fmt.Fprintf(w, "type names in packages   %d in two or more\n", len(shared))
	if detail {
		for _, name := range slices.Sorted(maps.Keys(shared)) {
			fmt.Fprintf(w, "    %s: %s\n", name, strings.Join(shared[name], " "))
		}
	}
}

func (h house) lengths() (lines int, long []string) {
	for _, p := range h {
		n, l := p.lines()
		lines, long = lines+n, append(long, l...)
	}
	slices.Sort(long)
	return lines, long
}

// largest is the type with the most methods.
func (h house) largest() (name string, methods int) {
	for _, p := range h {
		for t, n := range p.methods() {
			if n > methods || n == methods && p.dir+"."+t < name {
				name, methods = p.dir+"."+t, n
			}
		}
	}
	return name, methods
}

// lines counts the package's lines, and names its long functions.
func (p *pkg) lines() (n int, long []string) {
	for _, f := range p.files {
		n += p.set.Position(f.FileEnd).Line - 1
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if l := p.set.Position(fn.End()).Line - p.set.Position(fn.Pos()).Line + 1; l > longFunction {
				long = append(long, fmt.Sprintf("%s.%s (%d)", p.dir, fn.Name.Name, l))
			}
		}
	}
	return n, long
}

// methods counts the methods of each type.
func (p *pkg) methods() map[string]int {
	count := map[string]int{}
	for _, f := range p.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && len(fn.Recv.List) > 0 {
				count[receiver(fn.Recv.List[0].Type)]++
			}
		}
	}
	return count
}

func receiver(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}

// shared are the type names that stand in more than one package.
func (h house) shared() map[string][]string {
	in := map[string][]string{}
	for _, p := range h {
		for id, o := range p.info.Defs {
			if t, ok := o.(*types.TypeName); ok && t.Parent() != nil && t.Pkg() != nil && t.Parent() == t.Pkg().Scope() {
				in[id.Name] = append(in[id.Name], p.dir)
			}
		}
	}
	maps.DeleteFunc(in, func(_ string, dirs []string) bool { return len(dirs) < 2 })
	for _, dirs := range in {
		slices.Sort(dirs)
	}
	return in
}

// up are the arrows from a file to one before it in reading order, with the
// number of names.
func (p *pkg) up() map[string]int {
	uses := p.uses()
	place := map[string]int{}
	for i, f := range p.reading(uses) {
		place[f] = i
	}
	arrows := map[string]int{}
	for e, n := range uses {
		if place[e.from] > place[e.to] {
			arrows[e.from+" -> "+e.to] = n
		}
	}
	return arrows
}

// edge says that one file uses what another defines.
type edge struct{ from, to string }

// uses counts, for each two files, the names that the one uses of the other.
func (p *pkg) uses() map[edge]int {
	count, seen := map[edge]int{}, map[string]bool{}
	for id, o := range p.info.Uses {
		if o.Pkg() == nil || !o.Pos().IsValid() || o.Pkg().Path() != p.dir {
			continue
		}
		to := p.set.Position(o.Pos())
		e := edge{filepath.Base(p.set.Position(id.Pos()).Filename), filepath.Base(to.Filename)}
		if once := e.from + to.String(); e.from != e.to && !seen[once] {
			seen[once] = true
			count[e]++
		}
	}
	return count
}

// reading is the order that the package comment gives, and behind it the rest
// such that few arrows run back up.
func (p *pkg) reading(uses map[edge]int) []string {
	order := slices.Clone(p.order)
	var rest []string
	for _, f := range p.files {
		if name := filepath.Base(p.set.Position(f.Pos()).Filename); !slices.Contains(order, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for len(rest) > 0 { // next is who is least used by the others that are left
		best := slices.MinFunc(rest, func(a, b string) int {
			return cmp.Or(cmp.Compare(used(a, rest, uses), used(b, rest, uses)), cmp.Compare(a, b))
		})
		order = append(order, best)
		rest = slices.DeleteFunc(rest, func(f string) bool { return f == best })
	}
	return order
}

// used is by how many files of a list a file is used, less those that it uses.
func used(f string, by []string, uses map[edge]int) (n int) {
	for _, other := range by {
		if uses[edge{other, f}] > 0 {
			n++
		}
		if uses[edge{f, other}] > 0 {
			n--
		}
	}
	return n
}
