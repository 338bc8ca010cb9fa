package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
)

// The committed pictures are what the program draws: `go run ./integration/draw`
// mends a difference.
func TestPicturesAreUpToDate(t *testing.T) {
	data, err := os.ReadFile("../../" + iconPath)
	if err != nil {
		t.Fatal(err)
	}
	have, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := icon(iconSide)
	if have.Bounds() != want.Bounds() {
		t.Fatalf("icon is %v, the program draws %v", have.Bounds(), want.Bounds())
	}
	for y := range iconSide {
		for x := range iconSide {
			r, g, b, a := have.At(x, y).RGBA()
			r2, g2, b2, a2 := want.At(x, y).RGBA()
			// Floating point may round differently on another processor.
			if far(r, r2) || far(g, g2) || far(b, b2) || far(a, a2) {
				t.Fatalf("icon differs at %d,%d", x, y)
			}
		}
	}
	svg, err := os.ReadFile("../../" + flowPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(svg) != flow() {
		t.Error("flow.svg is not what the program draws")
	}
}

func far(a, b uint32) bool { return max(a, b)-min(a, b) > 0x300 }

func TestFlowIsOnePlainPicture(t *testing.T) {
	svg := flow()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"<script", "href=", "@import", "url(http"} {
		if strings.Contains(svg, bad) {
			t.Errorf("the picture has %s: a page that shows it may refuse it", bad)
		}
	}
	for _, tool := range []string{"classify_ticket", "plan_ticket", "record_gate_outcome"} {
		if !strings.Contains(svg, ">"+tool+"<") {
			t.Errorf("%s is not in the picture", tool)
		}
	}
}
