package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// maxRows is how many tickets one call may be about.
const maxRows = 200

// leftOut counts what a folder or a file of several holds beside open tickets.
type leftOut struct{ done, drafts, archived, parents, documents int }

func (l *leftOut) add(t *ticket.Ticket) {
	switch {
	case t.Document != "" || t.Covered:
		l.documents++
	case t.Archived:
		l.archived++
	case t.Closed:
		l.done++
	case t.Draft:
		l.drafts++
	default:
		l.parents++
	}
}

// String is "2 done, 1 draft", or "" where nothing was left out.
func (l *leftOut) String() string {
	var out []string
	for _, part := range []struct {
		n         int
		one, more string
	}{{l.done, "done", "done"}, {l.drafts, "draft", "drafts"}, {l.archived, "archived", "archived"},
		{l.parents, "epic", "epics"}, {l.documents, "document", "documents"}} {
		switch {
		case part.n == 1:
			out = append(out, "1 "+part.one)
		case part.n > 1:
			out = append(out, fmt.Sprintf("%d %s", part.n, part.more))
		}
	}
	return strings.Join(out, ", ")
}

// reader resolves the references of one call: paths, path#ID, folders and patterns.
type reader struct {
	d        *Deps
	most     int  // rows
	closed   bool // closed and archived tickets are taken, too
	items    []classifying
	index    *ticket.Index // every ticket that was read, closed ones included
	seen     map[string]bool
	again    []string          // ids of tickets that the call names more than once
	sources  map[string]string // id in lower case -> the source it was first seen in
	trees    map[string]string
	left     leftOut
	total    int // tickets, those past maxRows too
	warnings []string
}

func (d *Deps) newReader() *reader {
	return &reader{d: d, most: maxRows, index: ticket.NewIndex(), seen: map[string]bool{},
		sources: map[string]string{}, trees: map[string]string{}}
}

// reference reads what one argument names.
func (r *reader) reference(ctx context.Context, ref string) {
	if hasMeta(ref) && !r.exists(ctx, ref) {
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
	doc, fault := r.d.readDocument(ctx, name)
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
func (r *reader) document(ctx context.Context, doc *ticket.Document, name string) {
	r.know(doc)
	for _, text := range doc.Head.Warnings {
		if doc.Several {
			r.warn(baseName(name) + ": " + text)
		}
	}
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
		r.warn(fmt.Sprintf("%s: no open task in %d", plain.Line(name), len(doc.Tasks)))
	}
}

// takes reports whether a ticket that was not named itself is taken.
func (r *reader) takes(t *ticket.Ticket) bool {
	if r.closed {
		return t.Document == "" && !t.Covered && !t.Draft
	}
	return t.Open() && !t.Covered
}

// know adds every ticket of a file to the index, so that references find it.
func (r *reader) know(doc *ticket.Document) {
	for _, t := range doc.Tickets() {
		if t.Document == "" && t.ID != "" {
			r.index.Add(t.ID, t.Open())
		}
	}
}

// add takes up one ticket as a row of the call.
func (r *reader) add(ctx context.Context, t ticket.Ticket, name string) {
	key := cmp.Or(t.Source, name)
	if r.seen[key] {
		r.again = append(r.again, cmp.Or(t.ID, baseName(name)))
		return
	}
	r.seen[key] = true
	if r.total++; r.total > r.most {
		return
	}
	t, fault := named(t, baseName(name))
	c := classifying{fault: fault}
	if fault == nil {
		r.tellApart(&t)
		r.d.countFiles(ctx, &t, r.tree(ctx, t))
	}
	c.id, c.ticket = cmp.Or(t.ID, baseName(name)), t
	r.items = append(r.items, c)
}

// tellApart gives a ticket whose id another one of the call has the folder it is in.
func (r *reader) tellApart(t *ticket.Ticket) {
	key := strings.ToLower(t.ID)
	first, taken := r.sources[key]
	if !taken {
		r.sources[key] = t.Source
		return
	}
	was := t.ID
	dir := path.Base(path.Dir(t.Source))
	for n, id := 1, dir+"/"+was; ; n++ {
		if _, again := r.sources[strings.ToLower(id)]; !again && paths.CheckID(id) == nil {
			t.ID = id
			break
		}
		id = fmt.Sprintf("%s~%d", clipped(was, 90), n+1)
	}
	r.sources[strings.ToLower(t.ID)] = t.Source
	r.warn(fmt.Sprintf("%s is the id of %s and %s; the second is %s here", was, first, t.Source, t.ID))
}

// warnAgain says which tickets the call names more than once.
func (r *reader) warnAgain() {
	const most = 8
	if n := len(r.again); n > 0 {
		names := strings.Join(r.again[:min(n, most)], ", ")
		if n > most {
			names += fmt.Sprintf(" and %d more", n-most)
		}
		r.warn("named more than once in this call, one row each: " + plain.Line(names))
	}
}

// givenAgain tells a ticket apart whose id was given out again: the one that was
// completed here had another source and another content. Its record stays its own.
func (r *reader) givenAgain(ctx context.Context) {
	var ids []string
	for i := range r.items {
		if c := &r.items[i]; c.fault == nil && c.ticket.Source != "" && c.ticket.Open() {
			ids = append(ids, c.id)
		}
	}
	done, err := r.d.Journal.Completed(ctx, ids)
	if err != nil || len(done) == 0 {
		return // what is wrong with the journal is reported elsewhere
	}
	for i := range r.items {
		c := &r.items[i]
		if c.fault != nil || !done[c.id] {
			continue
		}
		last, found, err := r.d.Journal.LastDecision(ctx, c.id)
		if err != nil || !found || last.Source == "" || last.Source == c.ticket.Source ||
			last.Hash == c.ticket.Hash {
			continue
		}
		r.sources[strings.ToLower(c.id)] = last.Source
		r.tellApart(&c.ticket)
		c.id = c.ticket.ID
	}
}

func clipped(id string, most int) string {
	if runes := []rune(id); len(runes) > most {
		return string(runes[:most])
	}
	return id
}

func (r *reader) fail(ref string, fault *contract.Error) {
	if r.total++; r.total > r.most {
		return
	}
	c := classifying{fault: fault}
	c.id = baseName(ref)
	r.items = append(r.items, c)
}

func (r *reader) warn(text string) { r.warnings = contract.AddWarning(r.warnings, text) }

// inline takes up a ticket that is given as text.
func (r *reader) inline(ctx context.Context, text string) {
	doc, fault := parseInline(text)
	if fault != nil {
		r.fail("ticket", fault)
		return
	}
	r.document(ctx, doc, "ticket")
}

// oneOf finds a task of a file by its id, as people write it.
func oneOf(doc *ticket.Document, id, name string) (*ticket.Ticket, *contract.Error) {
	tasks := doc.Tasks
	if !doc.Several {
		tasks = append([]ticket.Ticket{doc.Head}, tasks...)
	}
	for i := range tasks {
		if strings.EqualFold(tasks[i].Local, id) || strings.EqualFold(tasks[i].ID, id) {
			return &tasks[i], nil
		}
	}
	x := ticket.NewIndex()
	for i := range tasks {
		x.Add(tasks[i].ID, true)
	}
	if e, found, _ := x.Find(id, false); found {
		for i := range tasks {
			if tasks[i].ID == e.ID {
				return &tasks[i], nil
			}
		}
	}
	var some []string
	for i := range tasks {
		if len(some) < 8 && tasks[i].Open() {
			some = append(some, cmp.Or(tasks[i].Local, tasks[i].ID))
		}
	}
	return nil, &contract.Error{Code: contract.CodeNotFound, Cause: fmt.Sprintf("no task %s in %s", plain.Clip(plain.Line(id), 100),
		plain.Clip(plain.Line(name), 200)),
		Next: "Give one of its ids: " + plain.Clip(strings.Join(some, ", "), 300) + "."}
}

// readDocument reads a file of tickets inside the root, in whatever form it is.
func (d *Deps) readDocument(ctx context.Context, name string) (*ticket.Document, *contract.Error) {
	data, rel, fault := d.readFile(ctx, name, ticket.Limit(name))
	if fault != nil {
		return nil, fault
	}
	if isLocal(name, rel) {
		return nil, &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(name, 200) +
			" holds credentials by its name, and is not read as a ticket",
			Next: "Give the path of a ticket."}
	}
	return parseDocument(filepath.ToSlash(rel), data, filepath.Base(rel), func(beside string) ([]byte,
		error) {
		data, real, fault := d.readFile(ctx, filepath.FromSlash(beside), ticket.MaxBytes)
		if fault != nil {
			return nil, fault
		}
		if isLocal(beside, real) {
			return nil, fs.ErrPermission
		}
		return data, nil
	})
}

func parseDocument(name string, data []byte, base string, beside ticket.Reader) (*ticket.Document, *contract.Error) {
	doc, err := ticket.Read(name, data, beside)
	if err == nil {
		return doc, nil
	}
	fault := &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(base, 100) + ": " + err.Error(),
		Next: "Fix the ticket and call again.", Err: err}
	var known *ticket.Error
	if errors.As(err, &known) {
		fault.Cause = plain.Clip(base, 100) + ": " + known.Cause
		if known.Line > 0 {
			fault.Cause = fmt.Sprintf("%s line %d: %s", plain.Clip(base, 100), known.Line, known.Cause)
		}
		if known.Next != "" {
			fault.Next = known.Next
		}
	}
	return nil, fault
}

func parseInline(text string) (*ticket.Document, *contract.Error) {
	if len(text) > ticket.MaxInlineBytes {
		return nil, &contract.Error{Code: contract.CodeTooLarge,
			Cause: fmt.Sprintf("the ticket has %d bytes, more than the %d taken inline", len(text),
				ticket.MaxInlineBytes),
			Next: fmt.Sprintf("Save it in the project and pass its path: up to %d bytes are read.",
				ticket.MaxBytes)}
	}
	return parseDocument("", []byte(text), "ticket", nil)
}

// CollectTickets reads the tickets that the references name, for programs that ask no
// rules: files, path#ID, folders and patterns beneath root, at most `most`. closed takes
// closed and archived ones, too. warnings say what was left out and why.
func CollectTickets(ctx context.Context, root string, references []string, most int,
	closed bool) (tickets []ticket.Ticket, warnings []string, err error) {
	r := (&Deps{Root: root}).newReader()
	r.most, r.closed = most, closed
	for _, ref := range references {
		r.reference(ctx, ref)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	for i := range r.items {
		switch c := &r.items[i]; {
		case c.fault != nil:
			warnings = append(warnings, c.fault.Cause)
		case c.ticket.Document == "":
			tickets = append(tickets, c.ticket)
		}
	}
	if r.total > most {
		warnings = append(warnings, fmt.Sprintf("%d tickets more than %d are left out", r.total-most, most))
	}
	if left := r.left.String(); left != "" {
		warnings = append(warnings, "left out: "+left)
	}
	return tickets, slices.Concat(r.warnings, warnings), nil
}
