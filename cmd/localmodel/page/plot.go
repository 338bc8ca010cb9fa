package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
)

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
