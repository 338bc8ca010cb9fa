package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
)

const nasty = `<b onload="x">&'`

// charts draws one of each, of nothing and of something with a nasty name.
func charts() map[string]template.HTML {
	return map[string]template.HTML{
		"no columns":     Columns(nasty, nil),
		"columns":        Columns(nasty, []Bar{{nasty, 3, 1}, {"b", 0, 0}}),
		"ranges":         Ranges(nasty, []Range{{nasty, figures.ShareOf(1, 2)}}),
		"counts":         Counts(nasty, []Count{{nasty, 0}, {"b", 7}}),
		"reliability":    Reliability(nasty, []figures.Bin{{Confidence: .9, Right: figures.ShareOf(1, 2)}}),
		"no reliability": Reliability(nasty, nil),
		"curves":         Curves(nasty, "across", "up", []Curve{{"one", []float64{0, 1}, []float64{1, 0}}}, .5),
	}
}

func TestChartsAreWellFormedAndEscaped(t *testing.T) {
	for name, svg := range charts() {
		d := xml.NewDecoder(strings.NewReader(string(svg)))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, svg)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "b" {
				t.Errorf("%s: a name became an element: %s", name, svg)
			}
		}
		if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
			t.Errorf("%s: %s", name, svg)
		}
	}
}

func TestColumnsAreToScale(t *testing.T) {
	// Of 8 the axis goes to 8 in steps of 2, over 158 units: 3 take 59.25.
	svg := string(Columns("t", []Bar{{"a", 3, 5}}))
	if !strings.Contains(svg, `height="59.2" class="one"`) || !strings.Contains(svg, `height="98.8" class="two"`) {
		t.Errorf("got %s", svg)
	}
	for most, want := range map[int]int{1: 1, 5: 1, 6: 2, 8: 2, 11: 5, 99: 20, 100: 20, 101: 50} {
		if got := niceStep(most); got != want {
			t.Errorf("step of %d: %d, want %d", most, got, want)
		}
	}
}

func TestPageIsWholeAndEscaped(t *testing.T) {
	p := Page{Title: nasty, Lead: nasty, Made: time.Now(), Tiles: []Tile{{nasty, nasty, nasty}}, Notes: []string{nasty},
		Sections: []Section{{Title: nasty, Text: nasty, Table: &Table{Head: []string{nasty, nasty}, Rows: [][]string{{nasty, nasty}}}}}}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := p.WriteFile(t.Context(), io.Discard, "", file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil || bytes.Contains(data, []byte("<b ")) || bytes.Contains(data, []byte("<script")) || !bytes.Contains(data, []byte("</html>")) {
		t.Errorf("%v: %s", err, data)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".page-*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}
