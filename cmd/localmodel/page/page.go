// Package page writes a report as one HTML file: no script, no font and no
// picture from elsewhere, light and dark as the reader's system is, and
// readable on a telephone.
package page

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Page is a report.
type Page struct {
	Title, Lead string
	Made        time.Time
	Tiles       []Tile
	Sections    []Section
	Notes       []string // how the figures were counted
}

// Tile is one figure that is seen first.
type Tile struct{ Value, Label, Detail string }

// Section is a heading with what stands under it; each part may be empty.
type Section struct {
	Title, Text string
	Charts      []Chart
	Table       *Table
}

// Paired says whether a table stands beside the one chart that draws it.
func (s Section) Paired() bool { return len(s.Charts) == 1 && s.Table != nil && len(s.Table.Head) <= 5 }

// Chart is a drawing with its caption.
type Chart struct {
	Caption string
	Keys    []Key
	SVG     template.HTML
}

// Key names a colour of a chart: one, two or three.
type Key struct{ Class, Name string }

// Table is a table whose first column names the row.
type Table struct {
	Head []string
	Rows [][]string
}

//go:embed page.html
var source string

var parsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"day": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"head": func(t *Table, column int) string {
			if column < len(t.Head) {
				return t.Head[column]
			}
			return ""
		},
	}).Parse(source))
})

// Write writes the page.
func (p Page) Write(w io.Writer) error { return parsed().Execute(w, p) }

// WriteFile writes the page to a file, whole or not at all.
func (p Page) WriteFile(file string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".page-")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	err = errors.Join(p.Write(tmp), tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
