package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Change is one change of a pools file.
type Change struct {
	verb       verb
	kind, name string
	props      []Prop
}

type verb uint8

const (
	add verb = iota
	set
	extend
	remove
)

// Prop is a property with its values: several only where a list may stand.
// Without any value it is removed.
type Prop struct {
	Key    string
	Values []string
}

// Add makes a section, like "pool" and "lan", or "reservation" and an address.
func Add(kind, name string, props ...Prop) Change { return Change{add, kind, name, props} }

// Set changes properties of a section. A list is replaced as a whole.
func Set(kind, name string, props ...Prop) Change { return Change{set, kind, name, props} }

// Extend adds values to lists of a section.
func Extend(kind, name string, props ...Prop) Change { return Change{extend, kind, name, props} }

// Remove takes a section away.
func Remove(kind, name string) Change { return Change{remove, kind, name, nil} }

var errNoSection = errors.New("the pools file has no such section")

// title is how problems call the section, too.
func (c Change) title() string { return plain(c.kind) + " " + plain(c.name) }

// Edit makes changes to a pools file, one after the other, and leaves every
// byte that they don't concern as it is: comments, order, blanks, line ends.
// What the new text comes to is for Fresh to say; an error means that a change
// makes no sense in itself or with what the file holds.
func Edit(file string, data []byte, changes ...Change) ([]byte, error) {
	edit := editSections
	if strings.HasSuffix(file, ".json") {
		edit = editJSON
	}
	f := &findings{file: file}
	text, ok := f.decode(data)
	if !ok {
		return nil, f.list[0]
	}
	mark := string(data[:len(data)-len(text)]) // Windows' byte order mark
	for _, c := range changes {
		err := c.check()
		if err == nil {
			text, err = edit(text, c)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.title(), err)
		}
	}
	return []byte(mark + text), nil
}

// wordsOf is the properties of a kind of section.
func wordsOf(kind string) (propertySet, error) {
	switch kind {
	case "pool":
		return poolWords, nil
	case "reservation":
		return pinWords, nil
	}
	return nil, fmt.Errorf("%s is none of the section types %s", quote(kind), strings.Join(sectionKinds, ", "))
}

// check refuses what could not be read back as it was meant.
func (c Change) check() error {
	words, err := wordsOf(c.kind)
	if err != nil {
		return err
	}
	if err := checkText(c.name); err != nil {
		return err
	}
	if c.name == "" {
		return errors.New("a section has a name")
	}
	for _, p := range c.props {
		if err := p.check(words); err != nil {
			return err
		}
	}
	return nil
}

func (p Prop) check(words propertySet) error {
	often, listed := words[p.Key]
	switch {
	case !listed:
		return fmt.Errorf("there is no property %s%s", quote(p.Key), didYouMean(p.Key, words.known()))
	case often == once && len(p.Values) > 1:
		return fmt.Errorf("%s has one value, not %d", p.Key, len(p.Values))
	}
	for _, v := range p.Values {
		if err := checkText(v); err != nil {
			return fmt.Errorf("%s: %w", p.Key, err)
		}
		if v == "" {
			return fmt.Errorf("%s %w", p.Key, errNoValue)
		}
	}
	return nil
}

// checkText refuses a value that would not stay one value on one line.
func checkText(s string) error {
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s is no plain text on one line", quote(s))
	case strings.TrimFunc(s, unicode.IsSpace) != s:
		return fmt.Errorf("%s has blanks around it", quote(s))
	}
	return nil
}

// Fresh are the problems that a new text of a pools file has and the old one
// had not, warnings among them.
func Fresh(file string, before, after []byte) []Problem {
	_, old := Parse(file, before)
	_, all := Parse(file, after)
	had := map[string]int{}
	for _, p := range old {
		had[p.identity()]++
	}
	return slices.DeleteFunc(all, func(p Problem) bool {
		had[p.identity()]--
		return had[p.identity()] >= 0
	})
}

// identity is a problem without the lines that it names, which a change
// elsewhere in the file moves.
func (p Problem) identity() string {
	var b strings.Builder
	b.WriteString(p.Section + ": ")
	for i, part := range strings.Split(p.Text, "line ") {
		if i > 0 {
			part = strings.TrimLeft(part, "0123456789")
		}
		b.WriteString(part)
	}
	return b.String()
}
