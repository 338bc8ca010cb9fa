// Package labelled holds tickets together with what they truly are: the labels
// that a model's answers are judged by.
package labelled

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/references"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Label is what a ticket truly is; "" = not known.
type Label struct {
	Category   string `json:"category,omitempty"`
	Complexity string `json:"complexity,omitempty"`
}

// Ticket is one ticket of the set. Its Source is relative to the directory, with
// slashes.
type Ticket struct {
	ticket.Ticket
	Label Label
}

// Set is the tickets, in the order of their sources, and what was left out.
type Set struct {
	Tickets  []Ticket
	Warnings []string
	Prefixes []string // the categories beside BUG, FEAT and TASK
}

// maxTickets is how many tickets a set may have.
const maxTickets = 20_000

// Read reads the tickets that ref names beneath root: a directory, a pattern, a file,
// closed ones included. Labels come from what the tickets state.
func Read(ctx context.Context, root, ref string, prefixes []string) (*Set, error) {
	tickets, warnings, err := references.Collect(ctx, root, []string{ref}, maxTickets, true)
	if err != nil {
		return nil, err
	}
	s := &Set{Prefixes: prefixes, Warnings: warnings}
	for _, t := range tickets {
		s.Tickets = append(s.Tickets, Ticket{t, s.stated(t)})
	}
	if len(s.Tickets) == 0 {
		return nil, fmt.Errorf("no ticket is in %s", ref)
	}
	slices.SortStableFunc(s.Tickets, func(a, b Ticket) int { return strings.Compare(a.Source, b.Source) })
	return s, nil
}

// Place gives the directory beneath which tickets are read, and their reference
// from there: the project's root where they are inside it, so that their paths tell
// their form.
func Place(project, arg string) (root, ref string) {
	full, err := filepath.Abs(arg)
	if err != nil {
		return project, arg
	}
	if top, err := filepath.EvalSymlinks(project); err == nil {
		for _, name := range []string{project, top} {
			if rel, err := filepath.Rel(name, full); err == nil && filepath.IsLocal(rel) {
				return top, filepath.ToSlash(rel)
			}
		}
	}
	root, ref = full, "."
	for strings.ContainsAny(root, "*?[") {
		root, ref = filepath.Dir(root), filepath.ToSlash(filepath.Join(filepath.Base(root), ref))
	}
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		root, ref = filepath.Dir(root), filepath.Base(root)
	}
	return root, ref
}

// stated is the label that a ticket states.
func (s *Set) stated(t ticket.Ticket) Label {
	var l Label
	if c := policy.Classify(decide.Stated(t, s.Prefixes)); !c.AskCategory {
		l.Category = c.Category
	}
	l.Complexity, _ = complexity(t.Complexity)
	return l
}

// complexity reads a complexity in the words that tickets use.
func complexity(text string) (string, bool) {
	c := policy.Classify(policy.Stated{Complexity: text, HasFrontMatter: true})
	return c.Complexity, !c.AskComplexity
}

// Categories are the legal ones.
func (s *Set) Categories() []string { return append([]string{"BUG", "FEAT", "TASK"}, s.Prefixes...) }

// Spread keeps n of a list, evenly spread over it, so that one that is sorted by
// kind loses no kind; 0 = all.
func Spread[T any](list []T, n int) []T {
	if n <= 0 || n >= len(list) {
		return list
	}
	kept := make([]T, 0, n)
	for i := range n {
		kept = append(kept, list[i*len(list)/n])
	}
	return kept
}

// label sets one label by a ticket's id, path or file name.
func (s *Set) label(name string, l Label) error {
	if l.Category != "" {
		l.Category = strings.ToUpper(l.Category)
		if !slices.Contains(s.Categories(), l.Category) {
			return fmt.Errorf("label of %s: category %q is none of %s", name, l.Category, strings.Join(s.Categories(), ", "))
		}
	}
	if l.Complexity != "" {
		c, ok := complexity(l.Complexity)
		if !ok {
			return fmt.Errorf("label of %s: complexity %q is none of low, medium, high", name, l.Complexity)
		}
		l.Complexity = c
	}
	found := false
	for i := range s.Tickets {
		t := &s.Tickets[i]
		base := strings.TrimSuffix(filepath.Base(t.Source), filepath.Ext(t.Source))
		if strings.EqualFold(t.ID, name) || t.Source == name || base == name {
			found = true
			t.Label = Label{cmp.Or(l.Category, t.Label.Category), cmp.Or(l.Complexity, t.Label.Complexity)}
		}
	}
	if !found {
		s.Warnings = append(s.Warnings, "a label names "+name+", which is no ticket of the set")
	}
	return nil
}

// Hidden is the ticket's text without its id.
func (t *Ticket) Hidden() string {
	text := t.Body
	if t.Title != "" && !strings.Contains(t.Body, t.Title) {
		text = t.Title + "\n\n" + t.Body
	}
	return strings.ReplaceAll(text, t.ID, "TICKET")
}

// Unlabelled is what a ticket states beside its labels.
func (t *Ticket) Unlabelled(prefixes []string) policy.Stated {
	s := decide.Stated(t.Ticket, prefixes)
	s.ID, s.Type, s.Complexity = "", "", ""
	return s
}

// maxLabels bounds the file of labels, in bytes.
const maxLabels = 16 << 20

// ReadLabels takes labels from a file, over what the tickets state: CSV with
// the columns id, category and complexity (either of the last two may be
// missing), or JSON, {"BUG-001": {"category": "BUG", "complexity": "low"}}.
func (s *Set) ReadLabels(file string) error {
	data, err := rootfs.ReadArgument(file, maxLabels)
	if err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(file), ".json") {
		err = s.jsonLabels(data)
	} else {
		err = s.csvLabels(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (s *Set) jsonLabels(data []byte) error {
	if err := jsondepth.Check(data); err != nil {
		return err
	}
	labels := map[string]Label{}
	if err := json.Unmarshal(data, &labels); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if err := s.label(name, labels[name]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) csvLabels(in io.Reader) error {
	table := csv.NewReader(in)
	table.TrimLeadingSpace = true
	head, err := table.Read()
	if err != nil {
		return fmt.Errorf("it has no first line: %w", err)
	}
	column := func(name string) int {
		return slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	id, category, complexity := column("id"), column("category"), column("complexity")
	if id < 0 || category < 0 && complexity < 0 {
		return errors.New("its first line must name the columns id and category or complexity")
	}
	cell := func(row []string, i int) string {
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.label(cell(row, id), Label{cell(row, category), cell(row, complexity)}); err != nil {
			return err
		}
	}
}
