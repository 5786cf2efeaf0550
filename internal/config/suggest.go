package config

import (
	"slices"
	"strings"
)

// synonym translates the words of Proxmox and others for properties of ours.
func synonym(word string) string {
	switch word {
	case "gw":
		return "gateway"
	case "tag":
		return "vlan"
	case "cidr", "network":
		return "subnet"
	case "vmid", "ct":
		return "guest"
	}
	return ""
}

// didYouMean is "; did you mean WORD?" for a word that resembles one of the
// allowed ones, and empty for any other.
func didYouMean(word string, allowed []string) string {
	word = strings.ToLower(word)
	if s := synonym(word); slices.Contains(allowed, s) {
		return "; did you mean " + s + "?"
	}
	best, least := "", max(1, min(len(word), 9)/3)+1
	for _, a := range allowed {
		if d := distance(word, a); d < least {
			best, least = a, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// DidYouMean is didYouMean for other packages.
func DidYouMean(word string, allowed []string) string { return didYouMean(word, allowed) }

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment). A word over twice
// as long is no slip of the pen and simply far away.
func distance(a, b string) int {
	if len(a) > 2*len(b) {
		return len(a)
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
