package main

import (
	"image"
	"image/color"
	"math"
)

// iconSide is the icon's width and height, pixels. The plugin directory takes
// 512 to 2048.
const iconSide = 512

// icon draws a ticket with a check mark: work that passed its gates. Each pixel
// is the mean of 4 x 4 samples, so edges are smooth.
func icon(side int) *image.NRGBA {
	const samples = 4
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			var r, g, b, a float64
			for sy := range samples {
				for sx := range samples {
					u := (float64(x) + (float64(sx)+0.5)/samples) / float64(side)
					v := (float64(y) + (float64(sy)+0.5)/samples) / float64(side)
					c := paint(u, v)
					alpha := float64(c.A) / 255
					r, g, b, a = r+float64(c.R)*alpha, g+float64(c.G)*alpha, b+float64(c.B)*alpha, a+alpha
				}
			}
			if a > 0 {
				img.SetNRGBA(x, y, color.NRGBA{uint8(math.Round(r / a)), uint8(math.Round(g / a)), uint8(math.Round(b / a)),
					uint8(math.Round(255 * a / (samples * samples)))})
			}
		}
	}
	return img
}

var (
	ground = color.NRGBA{0x1f, 0x2a, 0x44, 0xff}
	paper  = color.NRGBA{0xf7, 0xf4, 0xec, 0xff}
	green  = color.NRGBA{0x1f, 0x9d, 0x6b, 0xff}
	faint  = color.NRGBA{0xc9, 0xc4, 0xb6, 0xff}
)

// paint is the colour at a point of the unit square.
func paint(x, y float64) color.NRGBA {
	if !roundedBox(x, y, 0, 0, 1, 1, 0.2) {
		return color.NRGBA{}
	}
	// The ticket: a box with a bite out of each short side.
	ticket := roundedBox(x, y, 0.15, 0.26, 0.85, 0.74, 0.05) &&
		math.Hypot(x-0.15, y-0.5) > 0.065 && math.Hypot(x-0.85, y-0.5) > 0.065
	switch {
	case !ticket:
		return ground
	case stroke(x, y, 0.43, 0.51, 0.52, 0.61) < 0.032 || stroke(x, y, 0.52, 0.61, 0.70, 0.39) < 0.032:
		return green
	case math.Abs(x-0.335) < 0.008 && math.Mod(y-0.29, 0.06) < 0.034 && y > 0.29 && y < 0.71:
		return faint // the perforation
	}
	return paper
}

func roundedBox(x, y, x0, y0, x1, y1, radius float64) bool {
	dx := math.Max(math.Max(x0+radius-x, x-(x1-radius)), 0)
	dy := math.Max(math.Max(y0+radius-y, y-(y1-radius)), 0)
	return math.Hypot(dx, dy) <= radius
}

// stroke is the distance from a point to a line between two others.
func stroke(x, y, x0, y0, x1, y1 float64) float64 {
	dx, dy := x1-x0, y1-y0
	t := math.Min(1, math.Max(0, ((x-x0)*dx+(y-y0)*dy)/(dx*dx+dy*dy)))
	return math.Hypot(x-(x0+t*dx), y-(y0+t*dy))
}
