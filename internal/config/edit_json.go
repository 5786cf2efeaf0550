package config

import (
	"fmt"
	"strings"

	"pve-iplease/internal/jsontree"
)

// jsonEditor is a JSON document with its lists of pools.
type jsonEditor struct {
	text  string
	root  *jsontree.Value
	lists []*jsontree.Value
}

// editJSON makes one change to the list of pools in a JSON document.
func editJSON(text string, c Change) (string, error) {
	e, err := newJSONEditor(text)
	if err != nil {
		return "", err
	}
	list, at, err := e.find(c.kind, c.name)
	switch {
	case err != nil:
		return "", err
	case c.verb == add && list != nil:
		return "", fmt.Errorf("it is there already, in line %d", list.Items[at].Line)
	case c.verb == add:
		return e.add(c), nil
	case list == nil:
		return "", errNoSection
	case c.verb == remove:
		return jsontree.Apply(e.text, jsontree.DropItem(list, at)), nil
	case len(c.props) == 0:
		return e.text, nil
	}
	text = e.set(list.Items[at], c.verb, c.props[0])
	if c.props = c.props[1:]; len(c.props) == 0 {
		return text, nil
	}
	return editJSON(text, c) // whatever follows may have moved
}

func newJSONEditor(text string) (*jsonEditor, error) {
	if strings.TrimSpace(text) == "" {
		text = "{\n    " + jsontree.Quote(listName) + ": []\n}\n"
	}
	root, err := jsontree.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the file is no valid JSON: %w", err)
	}
	e := &jsonEditor{text: text, root: root}
	for _, home := range []*jsontree.Value{root, root.Find("network")} {
		if home == nil {
			continue
		}
		for _, m := range home.Get(listName) {
			if m.Value.Kind == jsontree.List {
				e.lists = append(e.lists, m.Value)
			}
		}
	}
	return e, nil
}

// find gives the only section of a name, as a list's item; nil if there is none.
func (e *jsonEditor) find(kind, name string) (list *jsontree.Value, at int, _ error) {
	d := &document{findings: &findings{}}
	for _, l := range e.lists {
		for i, item := range l.Items {
			if s := d.object(item); item.Kind != jsontree.Object || s.kind != kind || s.name != name {
				continue
			}
			if list != nil {
				return nil, 0, fmt.Errorf("it is there twice, in lines %d and %d; remove one of the two in an editor", list.Items[at].Line, item.Line)
			}
			list, at = l, i
		}
	}
	return list, at, nil
}

// add puts a section behind the others, laid out over several lines with one
// step of indentation more than its list.
func (e *jsonEditor) add(c Change) string {
	if len(e.lists) == 0 {
		home := e.root.Find("network")
		if home == nil || home.Kind != jsontree.Object {
			home = e.root
		}
		if home.Kind != jsontree.Object {
			return e.text // Fresh says that there is no list
		}
		next, err := newJSONEditor(jsontree.Apply(e.text, jsontree.SetMember(e.text, home, listName, "[]")))
		if err != nil || len(next.lists) == 0 {
			return e.text // likewise: the list of somebody else is no list
		}
		return next.add(c)
	}
	list := e.lists[len(e.lists)-1]
	unit := "    "
	outer := jsontree.Indent(e.text, list.Start)
	if len(list.Items) > 0 {
		inner := jsontree.Indent(e.text, list.Items[len(list.Items)-1].Start)
		if step, deeper := strings.CutPrefix(inner, outer); deeper && step != "" {
			unit = step
		}
	}
	inner := "\n" + outer + unit
	item := "{" + inner + unit + jsontree.Quote(c.kind) + ": " + jsontree.Quote(c.name)
	for _, p := range c.props {
		if len(p.Values) > 0 {
			item += "," + inner + unit + jsontree.Quote(p.Key) + ": " + p.json(false)
		}
	}
	return jsontree.Apply(e.text, jsontree.AddItem(e.text, list, item+inner+"}", unit))
}

// set changes one property of a section.
func (e *jsonEditor) set(object *jsontree.Value, v verb, p Prop) string {
	old := object.Find(p.Key)
	switch {
	case len(p.Values) == 0:
		for i, m := range object.Members {
			if m.Key == p.Key {
				return jsontree.Apply(e.text, jsontree.DropMember(object, i))
			}
		}
		return e.text
	case v == extend && old != nil && old.Kind == jsontree.List && len(old.Items) > 0:
		values := make([]string, len(p.Values))
		for i, value := range p.Values {
			values[i] = jsontree.Quote(value)
		}
		return jsontree.Apply(e.text, jsontree.AddItem(e.text, old, strings.Join(values, ", "), ""))
	case v == extend && old != nil && old.Text != "":
		p.Values = append([]string{old.Text}, p.Values...)
	}
	isList := old != nil && old.Kind == jsontree.List
	return jsontree.Apply(e.text, jsontree.SetMember(e.text, object, p.Key, p.json(isList)))
}

// json writes values as people do: several as a list, numbers without quotes.
func (p Prop) json(isList bool) string {
	values := make([]string, len(p.Values))
	for i, v := range p.Values {
		values[i] = jsontree.Quote(v)
		if (p.Key == "vlan" || p.Key == "guest") && isNumber(v) {
			values[i] = v
		}
	}
	if len(values) == 1 && !isList {
		return values[0]
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" && s[0] != '0' }
