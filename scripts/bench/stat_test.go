package main

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		part   float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{7}, 0.9, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.1, 1},
		{[]float64{10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.9, 9},
		{[]float64{0, 10}, 0.1, 1},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
	} {
		before := append([]float64{}, c.values...)
		if got := quantile(c.values, c.part); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("quantile %g of %v is %g, want %g", c.part, c.values, got, c.want)
		}
		if diff := cmp.Diff(before, c.values); diff != "" {
			t.Errorf("the values were changed: %s", diff)
		}
	}
	if got := quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %g", got)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0", 3: "3", -2: "-2", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", 999.6: "1,000",
		0.0344: "0.034", 0.5: "0.50", 1.234: "1.23", 12.34: "12.3", 123.4: "123", -0.25: "-0.25", -12345.6: "-12,346",
	} {
		if got := number(v); got != want {
			t.Errorf("%g is printed as %s, want %s", v, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	all := []sample{{"ms": 1, "bad": 1, "of": 200}, {"ms": 3, "bad": 0, "of": 200}, {"ms": 2, "bad": 1, "of": 100}, {"other": 1}}
	for _, c := range []struct {
		column column
		want   string
	}{
		{spread("", "ms"), "2 (1.20-2.80)"},
		{spread("", "of"), "200 (120-200)"},
		{spread("", "other"), "1"},
		{spread("", "nothing"), "-"},
		{middle("", "ms"), "2"},
		{middle("", "nothing"), "-"},
		{share("", "bad", "of"), "2 of 500"},
		{share("", "bad", "nothing"), "-"},
		{percent("", "bad", "of"), "0.40"},
		{percent("", "bad", "nothing"), "-"},
	} {
		if got := c.column.show(all); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	head, rows := []string{"by", "ms"}, [][]string{{"a|b", "1"}, {"ü", "1,000"}}
	var text, markdown strings.Builder
	plain(&text, head, rows)
	tabled(&markdown, head, rows)
	if diff := cmp.Diff("by   ms\na|b  1\nü    1,000\n", text.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("| by | ms |\n|---|---|\n| a\\|b | 1 |\n| ü | 1,000 |\n", markdown.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	results := []result{
		{row: row{labels: []string{"a"}}, samples: []sample{{"ms": 1}, {"ms": 2}, {"ms": 3}}},
		{row: row{labels: []string{"b"}}, samples: []sample{{"ms": 5}}},
		{row: row{labels: []string{"a"}}, samples: []sample{{"ms": 4}}},
		{row: row{labels: []string{"a"}}}, // failed
		{row: row{labels: []string{"c"}}, samples: []sample{{"ms": 6}}},
	}
	x := 0.0
	got := lines(results, "ms", func(r result) (string, float64, bool) { x++; return r.labels[0], x, r.labels[0] != "c" })
	want := []series{{"a", []point{{1, 2, 1.2, 2.8}, {3, 4, 4, 4}}}, {"b", []point{{2, 5, 5, 5}}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(series{}, point{})); diff != "" {
		t.Error(diff)
	}
}

// What a logarithmic axis cannot show is left out: it must not keep the plot
// from ending.
func TestLogOfNothing(t *testing.T) {
	t.Parallel()
	c := chart{
		x: axis{log: true}, y: axis{log: true},
		series: []series{{"a", []point{{1, -1, -2, 3}, {0, 1, 1, 1}}}, {"b", []point{{1, 0, 0, 0}, {10, 5, 4, 6}}}},
	}
	if svg, err := c.svg(); err != nil || !strings.Contains(string(svg), "</svg>") {
		t.Errorf("%v\n%s", err, svg)
	}
	if len(c.series) != 2 || len(c.series[1].points) != 2 {
		t.Errorf("the chart itself was changed: %v", c.series)
	}
	c.series = c.series[:1]
	if svg, err := c.svg(); err != nil || svg != nil {
		t.Errorf("a plot of nothing: %v\n%s", err, svg)
	}
}
