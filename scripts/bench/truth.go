package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"pve-iplease/internal/lab"
)

// truthSuite is the reason to believe that an address is free.
func truthSuite() suite {
	return suite{
		name:     "truth",
		title:    "Truthfulness",
		question: "How many addresses that somebody has are called free?",
		labels:   []string{"hosts that", "asked by"},
		columns:  []column{share("called free", "free", "judged"), bounds("per cent (95 %)", "free", "judged")},
		notes: []string{
			fmt.Sprintf("pve-iplease: containers are started whose pool has %d addresses, all of them occupied, so that any address in net0 is a wrong one; scans and other programs are asked of networks in which every address is occupied", startAddrs),
			"the losses are of the questions, and independent of one another; a delay is another for each host; in brackets the interval that has the true share in it with 95 %",
			"hosts that answer at once tell whether the measurement itself loses anything",
		},
		blocks: truthBlocks,
	}
}

// impairment is how the hosts behave that nobody should overlook.
type impairment struct {
	hosts  string // a clause: hosts that …
	script func(*rand.Rand) lab.Script
}

func impairments() []impairment {
	always := func(s lab.Script) func(*rand.Rand) lab.Script { return func(*rand.Rand) lab.Script { return s } }
	return []impairment{
		{"answer at once", always(lab.Script{})},
		{"miss 5 % of the questions", always(lab.Script{Loss: 0.05})},
		{"miss 30 % of the questions", always(lab.Script{Loss: 0.30})},
		{"answer after 150 ± 50 ms", func(r *rand.Rand) lab.Script {
			return lab.Script{Delay: 100*time.Millisecond + time.Duration(r.Int64N(int64(100*time.Millisecond)))}
		}},
		{"answer after 400 ms", always(lab.Script{Delay: 400 * time.Millisecond})},
		{"miss the first question", always(lab.Script{Ignore: 1})},
	}
}

func truthBlocks(b *bench) []block {
	var all []block
	hosts := impairments()
	if b.quick {
		hosts = hosts[4:]
	}
	for _, i := range hosts {
		all = append(all, block{name: "hosts that " + i.hosts, open: func(later *cleanup) ([]row, error) {
			lanes, err := b.openLanes(later, i.script)
			if err != nil {
				return nil, err
			}
			return b.truthRows(i, lanes), nil
		}})
	}
	return all
}

// truthRows judge some hundred addresses in a turn, so that one in a thousand
// shows in ten.
func (b *bench) truthRows(i impairment, lanes *lanes) []row {
	var rows []row
	for _, j := range judges(b) {
		r := row{labels: []string{i.hosts, j.by}, cold: true, missing: j.missing}
		r.measure = func(int) (sample, error) {
			v, err := lanes.judge(j, b.scale(300, 6))
			return sample{"judged": float64(v.judged), "free": float64(v.free)}, err
		}
		rows = append(rows, r)
	}
	return rows
}

// bounds is a column with a share in per cent and the interval around it; of
// nothing, with the bound below which the share is.
func bounds(head, part, whole string) column {
	return column{head, func(all []sample) string {
		p, w := sum(pick(all, part)), sum(pick(all, whole))
		if w == 0 {
			return "-"
		}
		low, high := interval(p, w)
		if p == 0 {
			return "< " + number(100*high)
		}
		return fmt.Sprintf("%s (%s-%s)", number(100*p/w), number(100*low), number(100*high))
	}}
}

// interval is where the true share is with 95 %, when so many of so many were
// counted: Wilson's score interval, and of none the "rule of three" exactly.
func interval(part, whole float64) (low, high float64) {
	if part == 0 {
		return 0, 1 - math.Pow(0.05, 1/whole)
	}
	const z = 1.959964 // the normal distribution's 97.5th percentile
	share, n := part/whole, whole
	middle := share + z*z/(2*n)
	half := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	low, high = max(0, (middle-half)/(1+z*z/n)), (middle+half)/(1+z*z/n)
	if part == whole {
		high = 1
	}
	return low, high
}
