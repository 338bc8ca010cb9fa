// Package page writes a report as one HTML file: no script, no font and no
// picture from elsewhere, light and dark as the reader's system is, and
// readable on a telephone.
package page

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
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

// Section is a heading with what is under it; each part may be empty.
type Section struct {
	Title, Text string
	Charts      []Chart
	Table       *Table
}

// Paired reports whether a table is beside the one chart that draws it.
func (s Section) Paired() bool { return len(s.Charts) == 1 && s.Table != nil && len(s.Table.Head) <= 5 }

// Chart is a drawing with its caption.
type Chart struct {
	Caption string
	Keys    []Key
	SVG     template.HTML
}

// Key names a colour of a chart: one, two or three.
type Key struct{ Class, Name string }

// Table is a table whose first column names the row. Every row has as many cells as
// Head.
type Table struct {
	Head []string
	Rows [][]string
}

//go:embed page.html
var source string

// HTML is the page, without characters that make text read other than it is.
func (p Page) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := template.Must(template.New("page").Parse(source)).Execute(&b, p); err != nil {
		return nil, err
	}
	return []byte(plain.Text(b.String())), nil
}

// WriteFile writes the page to a file that the user named, whole or not at all,
// and says so. Beneath the project no link is followed.
func (p Page) WriteFile(ctx context.Context, said io.Writer, project, file string) error {
	html, err := p.HTML()
	if err != nil {
		return err
	}
	if err := rootfs.WriteNamed(ctx, project, file, html, rootfs.Write{Perm: 0o600}); err != nil {
		return err
	}
	fmt.Fprintln(said, "wrote "+plain.Line(file))
	return nil
}
