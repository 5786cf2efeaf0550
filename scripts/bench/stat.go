package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// column is a heading, and how a row's samples are shown below it.
type column struct {
	head string
	show func([]sample) string
}

// spread is a column with the median of a value, and in brackets the range
// from the 10th to the 90th percentile, where that differs.
func spread(head, key string) column {
	return column{head, func(all []sample) string {
		values := pick(all, key)
		if len(values) == 0 {
			return "-"
		}
		middle, low, high := number(quantile(values, 0.5)), number(quantile(values, 0.1)), number(quantile(values, 0.9))
		if low == high {
			return middle
		}
		return fmt.Sprintf("%s (%s-%s)", middle, low, high)
	}}
}

// middle is a column with the median alone.
func middle(head, key string) column {
	return column{head, func(all []sample) string {
		values := pick(all, key)
		if len(values) == 0 {
			return "-"
		}
		return number(quantile(values, 0.5))
	}}
}

// share is a column with how many of how many there were, in all runs
// together.
func share(head, part, whole string) column {
	return column{head, func(all []sample) string {
		p, w := sum(pick(all, part)), sum(pick(all, whole))
		if w == 0 {
			return "-"
		}
		return fmt.Sprintf("%.0f of %.0f", p, w)
	}}
}

// percent is a column with a share of all runs together, in per cent.
func percent(head, part, whole string) column {
	return column{head, func(all []sample) string {
		w := sum(pick(all, whole))
		if w == 0 {
			return "-"
		}
		return number(100 * sum(pick(all, part)) / w)
	}}
}

// pick takes a value out of those samples that have it.
func pick(all []sample, key string) []float64 {
	var values []float64
	for _, s := range all {
		if v, ok := s[key]; ok {
			values = append(values, v)
		}
	}
	return values
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// quantile is the value below which that part of the values lies, with
// straight lines between the values (Hyndman and Fan's type 7); NaN of none.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := part * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// number prints three digits that count, and whole numbers whole.
func number(v float64) string {
	if v == math.Trunc(v) || math.Abs(v) >= 100 {
		return grouped(strconv.FormatFloat(math.Round(v), 'f', -1, 64))
	}
	digits := 2
	if a := math.Abs(v); a >= 10 {
		digits = 1
	} else if a < 0.1 {
		digits = 3
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// grouped puts commas into a whole number.
func grouped(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
