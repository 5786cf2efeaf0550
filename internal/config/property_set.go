package config

import (
	"cmp"
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

// propertySet is the properties of one kind of section.
type propertySet map[string]int

var poolWords = propertySet{
	"bridge": once, "vlan": once, "nodes": many, "subnet": once, "gateway": once, "range": many, "exclude": many,
	"strategy": once, "dhcp": once, "on-conflict": once, "unproven": once, "hold": once, "probe": once, "comment": once,
	"nics": many, "announce": once,
	"subnet6": once, "gateway6": once, "range6": many, "exclude6": many, "strategy6": once,
}

var pinWords = propertySet{"guest": once, "comment": once}

func (v propertySet) knows(word string) bool {
	_, listed := v[word]
	return listed
}

// known are the words, sorted.
func (v propertySet) known() []string { return slices.Sorted(maps.Keys(v)) }

// isProperty reports whether the word is a property of any section.
func isProperty(word string) bool {
	_, ofPool := poolWords[word]
	_, ofPin := pinWords[word]
	return ofPool || ofPin
}

// writing is the order in which people write a pool: where it is, what it
// leases, how, and what it is for.
var writing = []string{
	"bridge", "vlan", "nodes", "nics", "subnet", "gateway", "range", "exclude", "subnet6", "gateway6", "range6", "exclude6",
}

// Word is a property that this version acts on.
type Word struct {
	Key  string
	List bool // it may have several values
}

// PoolWords are the properties of a pool, in the order in which people write
// them; those without a place in it come behind, and the comment last.
func PoolWords() []Word { return poolWords.words() }

// ReservationWords are the properties of a reservation.
func ReservationWords() []Word { return pinWords.words() }

func (v propertySet) words() []Word {
	place := func(key string) int {
		switch i := slices.Index(writing, key); {
		case i >= 0:
			return i
		case key == "comment":
			return len(writing) + 1
		}
		return len(writing)
	}
	keys := v.known()
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	words := make([]Word, len(keys))
	for i, k := range keys {
		words[i] = Word{k, v[k] == many}
	}
	return words
}
