package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rows take turns; the first turn does not count; what always fails is
// left alone; what is slow is measured less often.
func TestRunBlock(t *testing.T) {
	t.Parallel()
	var order []string
	fake := func(name string, err error) row {
		return row{labels: []string{name}, measure: func(turn int) (sample, error) {
			order = append(order, name)
			return sample{"turn": float64(turn)}, err
		}}
	}
	slow, gone := fake("slow", nil), fake("gone", nil)
	slow.most, slow.cold, gone.missing = 2, true, "missing: apt install it"
	closed := false
	bl := block{
		open: func(later *cleanup) ([]row, error) {
			later.add(func() error { closed = true; return nil })
			return []row{fake("a", nil), fake("bad", errors.New("it does not work")), slow, gone}, nil
		},
		before: func(int) error { order = append(order, ":"); return nil },
	}
	b := &bench{options: options{runs: 4}}
	results, err := b.runBlock(bl, newProgress(os.Stderr), "test")
	if err != nil || !closed {
		t.Fatalf("closed %v: %v", closed, err)
	}
	if want := ": a bad : a bad slow : a bad slow : a bad : a"; strings.Join(order, " ") != want {
		t.Errorf("order %s, want %s", strings.Join(order, " "), want)
	}
	s := suite{labels: []string{"by"}, columns: []column{spread("turn", "turn")}}
	_, rows := table(s, results)
	want := [][]string{{"a", "2.50 (1.30-3.70)", "4"}, {"bad", "failed", "3"}, {"slow", "1.50 (1.10-1.90)", "2"}, {"gone", "missing", "0"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	notes := []string{"bad failed: it does not work", "gone: missing: apt install it"}
	if diff := cmp.Diff(notes, shortcomings(results)); diff != "" {
		t.Error(diff)
	}
}

// A world that cannot be made is taken down as far as it was.
func TestRunBlockFails(t *testing.T) {
	t.Parallel()
	closed, sad := false, errors.New("no world")
	bl := block{open: func(later *cleanup) ([]row, error) {
		later.add(func() error { closed = true; return nil })
		return nil, sad
	}}
	if _, err := new(bench).runBlock(bl, newProgress(os.Stderr), "test"); !errors.Is(err, sad) || !closed {
		t.Errorf("closed %v: %v", closed, err)
	}
}
