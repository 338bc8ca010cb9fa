package references

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
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
		names, cut := r.candidates(ctx, place)
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

// candidates lists the files of a place that may hold tickets.
func (r *Reader) candidates(ctx context.Context, place string) (names []string, cut bool) {
	info, err := r.project.Stat(ctx, filepath.FromSlash(place))
	switch {
	case err != nil:
		return nil, false
	case !info.IsDir():
		return []string{place}, false
	}
	names, cut, _ = r.project.Files(ctx, place, project.Search{
		Entries: maxCountEntries, Most: maxCountFiles, Want: ticket.IsCandidate, Into: ticket.IsFolder})
	return names, cut
}
