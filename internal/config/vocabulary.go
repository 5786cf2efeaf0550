package config

import (
	"errors"
	"maps"
	"slices"
)

var errNoValue = errors.New("has no value")

// How often a property may stand in a section.
const (
	once = iota
	many
	later // a word kept for what this version cannot do yet
)

// vocabulary is the properties of one kind of section.
type vocabulary map[string]int

var poolWords = vocabulary{
	"bridge": once, "vlan": once, "nodes": many, "subnet": once, "gateway": once, "range": many, "exclude": many,
	"strategy": once, "dhcp": once, "on-conflict": once, "unproven": once, "hold": once, "probe": once, "comment": once,
	"nics": later, "announce": later, "subnet6": later, "gateway6": later, "range6": later, "exclude6": later,
}

var pinWords = vocabulary{"guest": once, "comment": once}

// knows reports whether this version acts on the word.
func (v vocabulary) knows(word string) bool {
	often, listed := v[word]
	return listed && often != later
}

// known are the words that this version acts on, sorted.
func (v vocabulary) known() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(v)), func(w string) bool { return !v.knows(w) })
}

// isProperty reports whether the word is a property of any section.
func isProperty(word string) bool {
	_, ofPool := poolWords[word]
	_, ofPin := pinWords[word]
	return ofPool || ofPin
}
