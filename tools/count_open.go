package tools

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/fjbelchi/localmodel/internal/rootfs"
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
	r := (&Deps{Root: root}).newReader()
	for _, place := range places {
		names, cut := r.candidates(ctx, place)
		more = more || cut
		for _, name := range names {
			if open >= most || ctx.Err() != nil {
				return min(open, most), true
			}
			doc, fault := r.d.readDocument(ctx, name)
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
func (r *reader) candidates(ctx context.Context, place string) (names []string, cut bool) {
	root, err := rootfs.Open(ctx, r.d.Root)
	if err != nil {
		return nil, false
	}
	defer root.Close() //nolint:errcheck // only read
	name, err := root.Rel(ctx, filepath.FromSlash(place))
	if err != nil {
		return nil, false
	}
	info, err := root.Stat(ctx, name)
	switch {
	case err != nil:
		return nil, false
	case !info.IsDir():
		return []string{name}, false
	}
	w := walk{root: root, left: maxCountEntries, most: maxCountFiles, want: ticket.IsCandidate, into: ticket.IsFolder}
	_ = w.dir(ctx, filepath.ToSlash(name), 0) // what was found before an error counts
	return w.names, w.cut
}
