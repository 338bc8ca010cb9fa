package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
)

// Charts are 360 units wide, which is about a telephone: their text is as large
// as the page's there, and larger elsewhere.
const width = 360.0

// drawing collects the elements of one SVG.
type drawing struct {
	strings.Builder
	height float64
}

func draw(height float64, title string) *drawing {
	d := &drawing{height: height}
	fmt.Fprintf(d, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(title))
	return d
}

func (d *drawing) done() template.HTML {
	d.WriteString("</svg>")
	return template.HTML(d.String()) //nolint:gosec // every text in it was escaped by text and draw
}

func (d *drawing) text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(d, `<path class="%s" d="M%.1f %.1fL%.1f %.1f"/>`, class, x1, y1, x2, y2)
}

// box draws a bar; what it shows is its title, for a pointer held over it.
func (d *drawing) box(x, y, w, h float64, class, title string) {
	fmt.Fprintf(d, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>`, x, y, max(w, 0), max(h, 0), class, html.EscapeString(title))
}

func (d *drawing) dot(x, y, r float64, class, title string) {
	fmt.Fprintf(d, `<circle cx="%.1f" cy="%.1f" r="%.1f" class="%s"><title>%s</title></circle>`, x, y, r, class, html.EscapeString(title))
}

// Bar is one column of Columns: two counts on top of each other.
type Bar struct {
	Label    string
	One, Two int
}

// Columns draws counts over time, the first one below.
func Columns(title string, bars []Bar) template.HTML {
	const height, left, top, floor = 200.0, 28.0, 14.0, 172.0
	d := draw(height, title)
	most := 1
	for _, b := range bars {
		most = max(most, b.One+b.Two)
	}
	step := niceStep(most)
	scale := (floor - top) / float64(step*((most+step-1)/step))
	for v := 0; v <= step*((most+step-1)/step); v += step {
		y := floor - float64(v)*scale
		d.line(left, y, width, y, "grid")
		d.text(left-5, y+4, "end", "faint", fmt.Sprint(v))
	}
	slot := (width - left) / float64(max(len(bars), 1))
	w := min(slot*.7, 44)
	every := int(math.Ceil(46 / slot)) // a label needs so much room
	for i, b := range bars {
		x := left + slot*(float64(i)+.5)
		one, two := float64(b.One)*scale, float64(b.Two)*scale
		title := fmt.Sprintf("%s: %d and %d", b.Label, b.One, b.Two)
		d.box(x-w/2, floor-one, w, one, "one", title)
		d.box(x-w/2, floor-one-two, w, two, "two", title)
		if i%every == 0 {
			d.text(x, floor+16, "middle", "faint", b.Label)
		}
	}
	return d.done()
}

// niceStep is a round step that makes at most five lines.
func niceStep(most int) int {
	for base := 1; ; base *= 10 {
		for _, m := range []int{1, 2, 5} {
			if base*m*5 >= most {
				return base * m
			}
		}
	}
}

// ticks are where an axis from 0 to 1 has its lines.
var ticks = []float64{0, .25, .5, .75, 1}

// Range is one row of Ranges: a share from 0 to 1 with its interval.
type Range struct {
	Label string
	Share figures.Share
}

// Ranges draws shares with their intervals, one under another.
func Ranges(title string, rows []Range) template.HTML {
	const left, right, rowHeight, top = 8.0, 352.0, 44.0, 8.0
	floor := top + rowHeight*float64(len(rows))
	d := draw(floor+22, title)
	at := func(v float64) float64 { return left + (right-left)*v }
	for i, tick := range ticks {
		anchor := []string{"start", "middle", "middle", "middle", "end"}[i]
		d.text(at(tick), floor+15, anchor, "faint", fmt.Sprintf("%.0f %%", tick*100))
	}
	for i, r := range rows {
		y := top + rowHeight*float64(i)
		for _, tick := range ticks { // beside the interval alone: no line runs through a label
			d.line(at(tick), y+19, at(tick), y+35, "grid")
		}
		d.text(left, y+13, "start", "", Fit(r.Label, 32))
		d.text(right, y+13, "end", "faint", r.Share.String())
		d.line(at(r.Share.Low), y+27, at(r.Share.High), y+27, "line one")
		d.dot(at(r.Share.Rate), y+27, 5, "one", r.Label+": "+r.Share.Percent()+", "+r.Share.Interval())
	}
	return d.done()
}

// Count is one row of Counts.
type Count struct {
	Label string
	N     int
}

// Counts draws bars that lie, one under another.
func Counts(title string, rows []Count) template.HTML {
	const left, right, rowHeight = 92.0, 320.0, 28.0
	d := draw(rowHeight*float64(len(rows))+4, title)
	most := 1
	for _, r := range rows {
		most = max(most, r.N)
	}
	for i, r := range rows {
		y := rowHeight*float64(i) + 4
		w := (right - left) * float64(r.N) / float64(most)
		d.text(left-8, y+15, "end", "", Fit(r.Label, 12))
		d.box(left, y+3, w, 16, "two", fmt.Sprintf("%s: %d", r.Label, r.N))
		d.text(left+w+6, y+15, "start", "faint", fmt.Sprint(r.N))
	}
	return d.done()
}

// Fit cuts a label to n characters.
func Fit(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// plot is a square field from 0 to 1 both ways, with its ticks.
type plot struct {
	*drawing
	left, right, top, floor float64
}

func newPlot(title, across, up string, height float64) plot {
	p := plot{draw(height, title), 40, 350, 12, height - 40}
	for _, tick := range ticks {
		p.line(p.x(tick), p.top, p.x(tick), p.floor, "grid")
		p.line(p.left, p.y(tick), p.right, p.y(tick), "grid")
		p.text(p.x(tick), p.floor+15, "middle", "faint", short(tick))
		p.text(p.left-6, p.y(tick)+4, "end", "faint", short(tick))
	}
	p.text((p.left+p.right)/2, p.floor+32, "middle", "faint", across)
	fmt.Fprintf(p, `<text transform="translate(10 %.1f) rotate(-90)" text-anchor="middle" class="faint">%s</text>`, (p.top+p.floor)/2, up)
	return p
}

// short writes .25 for 0.25.
func short(v float64) string {
	if v == 0 {
		return "0"
	}
	return strings.TrimPrefix(fmt.Sprintf("%g", v), "0")
}

func (p plot) x(v float64) float64 { return p.left + (p.right-p.left)*v }
func (p plot) y(v float64) float64 { return p.floor - (p.floor-p.top)*v }

// Reliability draws confidence against accuracy, with its interval. On the dashed line a model is
// as often right as it says; below it, it is too sure of itself.
func Reliability(title string, bins []figures.Bin) template.HTML {
	p := newPlot(title, "confidence", "right", 340)
	p.line(p.x(0), p.y(0), p.x(1), p.y(1), "dash")
	most := 1
	for _, b := range bins {
		most = max(most, b.Right.N)
	}
	for _, b := range bins {
		p.line(p.x(b.Confidence), p.y(b.Right.Low), p.x(b.Confidence), p.y(b.Right.High), "line one")
	}
	for _, b := range bins {
		r := 3 + 6*math.Sqrt(float64(b.Right.N)/float64(most))
		p.dot(p.x(b.Confidence), p.y(b.Right.Rate), r, "one", fmt.Sprintf("%.2f sure, %.2f right, %d answers", b.Confidence, b.Right.Rate, b.Right.N))
	}
	return p.done()
}

// Curve is one line of Curves: values at places from 0 to 1.
type Curve struct {
	Class string // one, two or three
	X, Y  []float64
}

// Curves draws lines over thresholds, with a mark at one of them; mark < 0 =
// none.
func Curves(title, across, up string, curves []Curve, mark float64) template.HTML {
	p := newPlot(title, across, up, 260)
	if mark >= 0 {
		p.line(p.x(mark), p.top, p.x(mark), p.floor, "dash")
	}
	for _, c := range curves {
		var path strings.Builder
		for i := range c.X {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], p.x(c.X[i]), p.y(c.Y[i]))
		}
		fmt.Fprintf(p, `<path class="line %s" d="%s"/>`, c.Class, path.String())
	}
	return p.done()
}
