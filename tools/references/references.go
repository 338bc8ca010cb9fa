// Package references resolves what a call names, paths, path#ID, folders and patterns,
// to tickets.
package references

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// MaxTickets is how many tickets one call may be about.
const MaxTickets = 200

// leftOut counts what a folder or a file of several holds beside open tickets, by kind.
type leftOut map[string]int

func (l leftOut) add(t *ticket.Ticket) {
	kind := "epic"
	switch {
	case t.Document != "" || t.Covered:
		kind = "document"
	case t.Archived:
		kind = "archived"
	case t.Closed:
		kind = "done"
	case t.Draft:
		kind = "draft"
	}
	l[kind]++
}

// LeftOut is "2 done, 1 draft", or "" where nothing was left out.
func (r *Reader) LeftOut() string {
	var out []string
	for _, kind := range []string{"done", "draft", "archived", "epic", "document"} {
		n, word := r.left[kind], kind
		if n > 1 && kind != "done" && kind != "archived" {
			word += "s"
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(out, ", ")
}

// Item is one ticket that a call names, or the reason why it cannot be read.
type Item struct {
	ID     string // that it goes by in the call
	Ticket ticket.Ticket
	Fault  *contract.Error
}

// History is what the journal knows of earlier tickets. *statestore.Store is one.
type History interface {
	Completed(ctx context.Context, ticketIDs []string) (map[string]bool, error)
	LastDecision(ctx context.Context, ticketID string) (decisions.Decision, bool, error)
	Known(ctx context.Context, id string, limit int) (known bool, near []string, err error)
}

// Reader resolves the references of one call: paths, path#ID, folders and patterns.
type Reader struct {
	project  project.Project
	most     int  // rows
	closed   bool // closed and archived tickets are taken, too
	Items    []Item
	Index    *ticket.Index // every ticket that was read, closed ones included
	seen     map[string]bool
	again    []string          // ids of tickets that the call names more than once
	sources  map[string]string // id in lower case -> the source it was first seen in
	left     leftOut
	Total    int // tickets, those past maxRows too
	Warnings contract.Warnings
}

func newReader(p project.Project) *Reader {
	return &Reader{project: p, most: MaxTickets, Index: ticket.NewIndex(), seen: map[string]bool{},
		sources: map[string]string{}, left: leftOut{}}
}

func (r *Reader) reference(ctx context.Context, ref string) {
	if strings.TrimSpace(ref) == "" { // the whole project is "."
		r.fail("path", &contract.Error{Code: contract.CodeArgument, Cause: "a path is empty", Next: "Give a path relative to the project root."})
		return
	}
	if project.IsPattern(ref) && !r.exists(ctx, ref) {
		r.pattern(ctx, ref)
		return
	}
	name, id := ref, ""
	if at := strings.LastIndexByte(ref, '#'); at > 0 && !r.exists(ctx, ref) {
		name, id = ref[:at], ref[at+1:]
	}
	if id == "" && r.isFolder(ctx, name) {
		r.folder(ctx, name, name, "")
		return
	}
	doc, fault := readDocument(ctx, r.project, name)
	switch {
	case fault != nil:
		r.fail(ref, fault)
	case id != "":
		t, fault := oneOf(doc, id, name)
		if fault != nil {
			r.fail(ref, fault)
			return
		}
		r.know(doc)
		r.add(ctx, *t, name)
	default:
		r.document(ctx, doc, name)
	}
}

// document takes up a file that was named: the ticket, or every open task.
func (r *Reader) document(ctx context.Context, doc *ticket.Document, name string) {
	r.know(doc)
	r.warnOf(doc, name)
	if !doc.Several {
		r.add(ctx, doc.Head, name)
	}
	open := 0
	for i := range doc.Tasks {
		if t := &doc.Tasks[i]; r.takes(t) {
			open++
			r.add(ctx, *t, name)
		} else {
			r.left.add(t)
		}
	}
	if doc.Several && open == 0 {
		r.Warnings.Add(fmt.Sprintf("%s: no open task in %d", plain.Line(name), len(doc.Tasks)))
	}
}

// warnOf says what is wrong with a file of several tickets as a whole.
func (r *Reader) warnOf(doc *ticket.Document, name string) {
	for _, text := range doc.Head.Warnings {
		if doc.Several {
			r.Warnings.Add(project.BaseName(name) + ": " + text)
		}
	}
}

// takes reports whether a ticket that was not named itself is taken.
func (r *Reader) takes(t *ticket.Ticket) bool {
	if r.closed {
		return t.Document == "" && !t.Covered && !t.Draft
	}
	return t.Open() && !t.Covered
}

// know adds every ticket of a file to the index, so that references find it.
func (r *Reader) know(doc *ticket.Document) {
	for _, t := range doc.Tickets() {
		if t.Document == "" && t.ID != "" {
			r.Index.Add(t.ID, t.Open())
		}
	}
}

func (r *Reader) add(ctx context.Context, t ticket.Ticket, name string) {
	key := cmp.Or(t.Source, name)
	if r.seen[key] {
		r.again = append(r.again, cmp.Or(t.ID, project.BaseName(name)))
		return
	}
	r.seen[key] = true
	if r.Total++; r.Total > r.most {
		return
	}
	t, fault := named(t, project.BaseName(name))
	if fault == nil {
		r.tellApart(&t)
		r.project.CountFiles(ctx, &t, r.project.Tree(ctx, t))
	}
	r.Items = append(r.Items, Item{ID: cmp.Or(t.ID, project.BaseName(name)), Ticket: t, Fault: fault})
}

// tellApart gives a ticket whose id another one of the call has the folder it is in.
func (r *Reader) tellApart(t *ticket.Ticket) {
	key := strings.ToLower(t.ID)
	first, taken := r.sources[key]
	if !taken {
		r.sources[key] = t.Source
		return
	}
	was := t.ID
	for n, id := 1, path.Base(path.Dir(t.Source))+"/"+was; ; n++ {
		if _, again := r.sources[strings.ToLower(id)]; !again && paths.CheckID(id) == nil {
			t.ID = id
			break
		}
		id = fmt.Sprintf("%s~%d", clipped(was, 90), n+1)
	}
	r.sources[strings.ToLower(t.ID)] = t.Source
	r.Warnings.Add(fmt.Sprintf("%s is the id of %s and %s; the second is %s here", was, first, t.Source, t.ID))
}

// warnAgain says which tickets the call names more than once.
func (r *Reader) warnAgain() {
	const most = 8
	if n := len(r.again); n > 0 {
		names := strings.Join(r.again[:min(n, most)], ", ")
		if n > most {
			names += fmt.Sprintf(" and %d more", n-most)
		}
		r.Warnings.Add("named more than once in this call, one row each: " + plain.Line(names))
	}
}

// givenAgain tells a ticket apart whose id was given out again: the one that was
// completed here had another source and another content. Its record stays its own.
func (r *Reader) givenAgain(ctx context.Context, h History) {
	var ids []string
	for i := range r.Items {
		if c := &r.Items[i]; c.Fault == nil && c.Ticket.Source != "" && c.Ticket.Open() {
			ids = append(ids, c.ID)
		}
	}
	done, err := h.Completed(ctx, ids)
	if err != nil || len(done) == 0 {
		return // what is wrong with the journal is reported elsewhere
	}
	for i := range r.Items {
		c := &r.Items[i]
		if c.Fault != nil || !done[c.ID] {
			continue
		}
		last, found, err := h.LastDecision(ctx, c.ID)
		if err != nil || !found || last.Source == "" || last.Source == c.Ticket.Source ||
			last.Hash == c.Ticket.Hash {
			continue
		}
		r.sources[strings.ToLower(c.ID)] = last.Source
		r.tellApart(&c.Ticket)
		c.ID = c.Ticket.ID
	}
}

func clipped(id string, most int) string {
	if runes := []rune(id); len(runes) > most {
		return string(runes[:most])
	}
	return id
}

func (r *Reader) fail(ref string, fault *contract.Error) {
	if r.Total++; r.Total > r.most {
		return
	}
	r.Items = append(r.Items, Item{ID: project.BaseName(ref), Fault: fault})
}

func (r *Reader) exists(ctx context.Context, name string) bool {
	_, err := r.project.Stat(ctx, name)
	return err == nil
}

func (r *Reader) isFolder(ctx context.Context, name string) bool {
	info, err := r.project.Stat(ctx, name)
	return err == nil && info.IsDir()
}

// Read resolves what a call names: references, and a ticket as text. A ticket that
// cannot be read is its error, beside the others. h may be nil.
func Read(ctx context.Context, p project.Project, h History, references []string, text string) *Reader {
	r := newReader(p)
	for _, ref := range references {
		if r.reference(ctx, ref); ctx.Err() != nil {
			break
		}
	}
	if strings.TrimSpace(text) != "" {
		if doc, fault := parseInline(text); fault != nil {
			r.fail("ticket", fault)
		} else {
			r.document(ctx, doc, "ticket")
		}
	}
	if h != nil {
		r.givenAgain(ctx, h)
	}
	r.warnAgain()
	return r
}
