package references

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

func (r *Reader) pattern(ctx context.Context, glob string) {
	if project.TooManyStars(glob) {
		r.fail(glob, &contract.Error{Code: contract.CodeArgument, Cause: "the pattern is too long or has too many **",
			Next: "Give a folder, or a pattern with at most three **."})
		return
	}
	base := path.Clean(filepath.ToSlash(glob))
	for project.IsPattern(base) {
		base = path.Dir(base)
	}
	before := r.Total
	if _, err := r.project.Stat(ctx, base); errors.Is(err, rootfs.ErrOutside) {
		r.fail(glob, r.project.Fault(ctx, glob, err))
		return
	}
	if r.isFolder(ctx, base) {
		r.folder(ctx, glob, base, path.Clean(filepath.ToSlash(glob)))
	}
	if r.Total == before && len(r.left) == 0 {
		r.fail(glob, &contract.Error{Code: contract.CodeNotFound, Cause: "no ticket matches " + plain.Clip(plain.Line(glob), 200) +
			" in " + r.project.Root,
			Next: "Give a pattern relative to the project root, such as backlog/**/*.md."})
	}
}

// folder reads the open tickets in a folder and those beneath it, in the order of
// their paths. glob "" takes every file that may hold tickets.
func (r *Reader) folder(ctx context.Context, ref, dir, glob string) {
	names, cut, err := r.project.Files(ctx, dir, project.Search{Entries: maxWalkEntries, Most: maxWalkFiles, Want: func(name string) bool {
		return ticket.IsCandidate(name) && (glob == "" || project.Matches(glob, name))
	}, Into: ticket.IsFolder})
	if err != nil {
		r.fail(ref, r.project.Fault(ctx, dir, err))
		return
	}
	if cut {
		r.Warnings.Add(fmt.Sprintf("%s holds more than is looked through; the rest is left out", plain.Line(dir)))
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		doc, fault := readDocument(ctx, r.project, name)
		if fault != nil {
			r.fail(name, fault)
			continue
		}
		r.know(doc)
		for _, t := range doc.Tickets() {
			if r.takes(&t) {
				r.add(ctx, t, name)
			} else {
				r.left.add(&t)
			}
		}
		r.warnOf(doc, name)
	}
	if len(names) == 0 && glob == "" {
		r.fail(ref, &contract.Error{Code: contract.CodeUnreadable, Cause: plain.Clip(plain.Line(dir), 200) +
			" is a directory without tickets",
			Next: "Give the folder that holds the tickets, or their paths."})
	}
}

// Bounds on looking through a folder for tickets.
const (
	maxWalkEntries = 50_000
	maxWalkFiles   = 12_000 // files that are read as tickets
)

// Bounds on counting: a hint must not hold a session's start up.
const (
	maxCountEntries = 5_000 // of one place
	maxCountFiles   = 500   // of one place
)

// CountOpen counts the open tickets in places beneath root: files, or folders
// with what is beneath them. It asks no rules and looks nothing else up. It
// stops at most tickets, at its bounds, and with ctx: more then says that there
// may be more. A place that is not there counts nothing.
func CountOpen(ctx context.Context, root string, places []string, most int) (open int, more bool) {
	r := newReader(project.Project{Root: root})
	for _, place := range places {
		info, err := r.project.Stat(ctx, filepath.FromSlash(place))
		if err != nil {
			continue
		}
		names, cut := []string{place}, false
		if info.IsDir() {
			names, cut, _ = r.project.Files(ctx, place, project.Search{
				Entries: maxCountEntries, Most: maxCountFiles, Want: ticket.IsCandidate, Into: ticket.IsFolder})
		}
		more = more || cut
		for _, name := range names {
			if open >= most || ctx.Err() != nil {
				return min(open, most), true
			}
			doc, fault := readDocument(ctx, r.project, name)
			if fault != nil {
				continue // classify_ticket reports it
			}
			for _, t := range doc.Tickets() {
				if key := cmp.Or(t.Source, name); r.takes(&t) && t.Document == "" && !r.seen[key] {
					r.seen[key] = true
					open++
				}
			}
		}
	}
	return min(open, most), more || open > most || ctx.Err() != nil
}

// Collect reads the tickets that the references name, for programs that ask no
// rules: files, path#ID, folders and patterns beneath root, at most `most`. closed takes
// closed and archived ones, too. warnings say what was left out and why.
func Collect(ctx context.Context, root string, references []string, most int,
	closed bool) (tickets []ticket.Ticket, warnings []string, err error) {
	r := newReader(project.Project{Root: root})
	r.most, r.closed = most, closed
	for _, ref := range references {
		r.reference(ctx, ref)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	for i := range r.Items {
		switch c := &r.Items[i]; {
		case c.Fault != nil:
			warnings = append(warnings, c.Fault.Cause)
		case c.Ticket.Document == "":
			tickets = append(tickets, c.Ticket)
		}
	}
	if r.Total > most {
		warnings = append(warnings, fmt.Sprintf("%d tickets more than %d are left out", r.Total-most, most))
	}
	if left := r.LeftOut(); left != "" {
		warnings = append(warnings, "left out: "+left)
	}
	return tickets, slices.Concat(r.Warnings, warnings), nil
}
