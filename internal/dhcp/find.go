package dhcp

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Finder looks for the files of this host's DHCP servers.
type Finder struct {
	Path  func(string) string // puts the root directory in front of a path
	Extra []string            // further files and directories, of any format
}

// File is one file that was read.
type File struct {
	Path     string // as the host calls it, without a root directory
	Format   Format
	Modified time.Time
	Contents
}

// Found is everything that was read.
type Found struct {
	Files    []File
	Problems []Problem // of all files, and files that could not be read
}

// maxFiles is how many files are read at most: configurations may include one
// another without end.
const maxFiles = 500

// Find reads the files at the default places, at the extra ones, and what
// configurations refer to. What is missing at a default place is no problem.
// When ctx ends it stops, with a problem that says so.
func (f Finder) Find(ctx context.Context) Found {
	s := &search{Finder: f, seen: map[string]bool{}}
	for _, p := range Places() {
		for _, path := range f.glob(p.Pattern) {
			s.add(pendingFile{p.Format, path, false})
		}
	}
	for _, path := range f.Extra {
		s.add(pendingFile{Unknown, path, true})
	}
	for len(s.queue) > 0 {
		e := s.queue[0]
		s.queue = s.queue[1:]
		if ctx.Err() != nil || len(s.Files) >= maxFiles {
			s.problem(e.path, "it was not read: too many files, or too little time")
			break
		}
		s.run(e)
	}
	return s.Found
}

// pendingFile is one file to be read.
type pendingFile struct {
	format   Format
	path     string
	expected bool // somebody named it: that it is missing is a problem
}

type search struct {
	Finder
	Found
	queue []pendingFile
	seen  map[string]bool
}

func (s *search) add(e pendingFile) {
	e.path = filepath.Clean(e.path)
	if !s.seen[e.path] && filepath.IsAbs(e.path) {
		s.seen[e.path] = true
		s.queue = append(s.queue, e)
	}
}

func (s *search) run(e pendingFile) {
	info, err := os.Stat(s.Path(e.path))
	switch {
	case errors.Is(err, fs.ErrNotExist) && !e.expected:
		return
	case err != nil:
		s.problem(e.path, plain(err))
		return
	case info.IsDir():
		if e.expected {
			s.directory(Reference{Format: e.format, Path: e.path})
		}
		return
	}
	data, modified, err := s.read(e)
	if err != nil {
		s.problem(e.path, plain(err))
		return
	}
	if e.format == Unknown {
		e.format = Sniff(data)
	}
	s.take(File{Path: e.path, Format: e.format, Modified: modified, Contents: Parse(e.format, data)})
}

// take adds a file and what it refers to. A relative path depends on the
// directory that the server was started in; beside the file itself is the
// best guess.
func (s *search) take(f File) {
	for i := range f.Problems {
		f.Problems[i].File = f.Path
	}
	s.Problems = append(s.Problems, f.Problems...)
	s.Files = append(s.Files, f)
	for _, r := range f.References {
		if r.Dir {
			s.directory(r)
			continue
		}
		if !filepath.IsAbs(r.Path) {
			r.Path = filepath.Join(filepath.Dir(f.Path), r.Path)
		}
		// A lease file is made with the first lease.
		s.add(pendingFile{r.Format, r.Path, r.Format != DnsmasqLeases && r.Format != KeaLeases && r.Format != ISCLeases})
	}
}

// directory adds the files of a directory that count. Hidden files and those
// of editors never do (dnsmasq(8), --conf-dir).
func (s *search) directory(r Reference) {
	entries, err := os.ReadDir(s.Path(r.Path))
	if err != nil {
		s.problem(r.Path, plain(err))
		return
	}
	for _, e := range entries {
		name := e.Name()
		ends := func(ending string) bool { return strings.HasSuffix(name, ending) }
		if e.IsDir() || name[0] == '.' || ends("~") || (name[0] == '#' && ends("#")) ||
			slices.ContainsFunc(r.Without, ends) || (len(r.Only) > 0 && !slices.ContainsFunc(r.Only, ends)) {
			continue
		}
		s.add(pendingFile{r.Format, filepath.Join(r.Path, name), true})
	}
}

func (s *search) problem(path, text string) {
	s.Problems = append(s.Problems, Problem{File: path, Text: text})
}

// glob expands a pattern below the root directory.
func (f Finder) glob(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	root := f.Path("/")
	found, _ := filepath.Glob(f.Path(pattern))
	for i := range found {
		found[i] = "/" + strings.TrimPrefix(strings.TrimPrefix(found[i], root), "/")
	}
	return found
}

// plain takes the path out of an error: the problem names it already, as the
// host calls it.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
