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
)

// vocabulary is the properties of one kind of section.
type vocabulary map[string]int

var poolWords = vocabulary{
	"bridge": once, "vlan": once, "nodes": many, "subnet": once, "gateway": once, "range": many, "exclude": many,
	"strategy": once, "dhcp": once, "on-conflict": once, "unproven": once, "hold": once, "probe": once, "comment": once,
	"nics": many, "announce": once,
	"subnet6": once, "gateway6": once, "range6": many, "exclude6": many, "strategy6": once,
}

var pinWords = vocabulary{"guest": once, "comment": once}

func (v vocabulary) knows(word string) bool {
	_, listed := v[word]
	return listed
}

// known are the words, sorted.
func (v vocabulary) known() []string { return slices.Sorted(maps.Keys(v)) }

// isProperty reports whether the word is a property of any section.
func isProperty(word string) bool {
	_, ofPool := poolWords[word]
	_, ofPin := pinWords[word]
	return ofPool || ofPin
}
