package main

import (
	"bytes"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chart is a plot with a line a subject.
type chart struct {
	file   string // without .svg
	title  string
	x, y   axis
	series []series
}

// axis says what stands at an axis.
type axis struct {
	label string
	log   bool
	zero  bool      // it begins at zero
	names []string  // of the values 0, 1, 2, …, where they are no numbers
	ticks []float64 // nil: wherever it is fit
}

// series is a line: a subject.
type series struct {
	name   string
	points []point
}

// point is a median with its spread.
type point struct{ x, y, low, high float64 }

// at makes the point of a value of a result's samples.
func (r result) at(x float64, key string) (p point, ok bool) {
	values := pick(r.samples, key)
	if len(values) == 0 {
		return p, false
	}
	return point{x, quantile(values, 0.5), quantile(values, 0.1), quantile(values, 0.9)}, true
}

// lines makes series of results: which line and at which x a result stands,
// says of; what it leaves out is left out.
func lines(results []result, key string, of func(result) (name string, x float64, ok bool)) []series {
	var all []series
	for _, r := range results {
		name, x, ok := of(r)
		p, measured := r.at(x, key)
		if !ok || !measured {
			continue
		}
		i := slices.IndexFunc(all, func(s series) bool { return s.name == name })
		if i < 0 {
			all = append(all, series{name: name})
			i = len(all) - 1
		}
		all[i].points = append(all[i].points, p)
	}
	return all
}

// svg draws the chart; nil when there is nothing to draw.
func (c chart) svg() ([]byte, error) {
	c.drop()
	if len(c.series) == 0 {
		return nil, nil
	}
	p := plot.New()
	p.Title.Text, p.Title.Padding = c.title, vg.Points(8)
	write(&p.Title.TextStyle, 14)
	write(&p.Legend.TextStyle, 11)
	c.x.set(&p.X, c.values(func(q point) []float64 { return []float64{q.x} }))
	c.y.set(&p.Y, c.values(func(q point) []float64 { return []float64{q.low, q.high} }))
	if c.x.names != nil {
		p.NominalX(c.x.names...)
	}
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs, p.Legend.YOffs = true, true, vg.Points(6), vg.Points(-6)
	for i, s := range c.series {
		if err := s.add(p, i); err != nil {
			return nil, err
		}
	}
	return render(p)
}

// drop leaves out what has no place on a logarithmic axis.
func (c *chart) drop() {
	shown := func(p point) bool { return (!c.y.log || p.low > 0) && (!c.x.log || p.x > 0) }
	var kept []series
	for _, s := range c.series {
		s.points = slices.DeleteFunc(slices.Clone(s.points), func(p point) bool { return !shown(p) })
		if len(s.points) > 0 {
			kept = append(kept, s)
		}
	}
	c.series = kept
}

func (c chart) values(of func(point) []float64) (all []float64) {
	for _, s := range c.series {
		for _, p := range s.points {
			all = append(all, of(p)...)
		}
	}
	return all
}

func (a axis) set(to *plot.Axis, values []float64) {
	to.Label.Text = a.label
	write(&to.Label.TextStyle, 12)
	write(&to.Tick.Label, 11)
	if a.ticks != nil {
		var ticks plot.ConstantTicks
		for _, v := range a.ticks {
			ticks = append(ticks, plot.Tick{Value: v, Label: number(v)})
		}
		to.Tick.Marker = ticks
	}
	switch {
	case a.log:
		to.Scale, to.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
		to.Min, to.Max = decade(slices.Min(values), math.Floor), decade(slices.Max(values), math.Ceil)
		if to.Min == to.Max {
			to.Max *= 10
		}
	case a.zero:
		to.Min, to.Max = 0, 1.1*slices.Max(values)
	}
}

// write sets the face of a text. The one that is named is measured here; in
// its place whoever shows the plot may take another of the same widths.
func write(style *text.Style, size float64) {
	style.Font.Typeface, style.Font.Variant, style.Font.Size = "Liberation", "Sans", vg.Points(size)
}

// logTicks are plot's own, with numbers that people can read.
func logTicks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
	for i := range ticks {
		if v := ticks[i].Value; ticks[i].Label != "" {
			ticks[i].Label = number(v)
		}
	}
	return ticks
}

// decade rounds to a power of ten.
func decade(v float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(v)))
}

// spreads are a line's points as the plotter wants them.
type spreads struct {
	plotter.XYs
	plotter.YErrors
}

func (s series) add(p *plot.Plot, i int) error {
	var data spreads
	for _, q := range s.points {
		data.XYs = append(data.XYs, plotter.XY{X: q.x, Y: q.y})
		data.YErrors = append(data.YErrors, struct{ Low, High float64 }{q.y - q.low, q.high - q.y})
	}
	line, dots, err := plotter.NewLinePoints(data.XYs)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(data)
	if err != nil {
		return err
	}
	line.Color, dots.Color, bars.Color = plotutil.Color(i), plotutil.Color(i), plotutil.Color(i)
	line.Width, bars.Width = vg.Points(1.5), vg.Points(1)
	line.Dashes, dots.Shape = plotutil.Dashes(i/7), draw.CircleGlyph{}
	p.Add(line, dots, bars)
	p.Legend.Add(s.name, line, dots)
	return nil
}

func render(p *plot.Plot) ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(720, 440))
	p.Draw(draw.Crop(draw.New(canvas), 8, -24, 8, -12)) // room for the last label of an axis
	var b bytes.Buffer
	_, err := canvas.WriteTo(&b)
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif")), err
}
