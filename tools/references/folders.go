package references

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// pattern reads the open tickets of the files that a pattern matches.
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
	if r.Total == before && r.left == (leftOut{}) {
		r.fail(glob, &contract.Error{Code: contract.CodeNotFound, Cause: "no ticket matches " + plain.Clip(plain.Line(glob), 200) +
			" in " + r.project.Root,
			Next: "Give a pattern relative to the project root, such as backlog/**/*.md."})
	}
}

// folder reads the open tickets in a folder and those beneath it, in the order of
// their paths. glob "" takes every file that may hold tickets.
func (r *Reader) folder(ctx context.Context, ref, dir, glob string) {
	names, cut, fault := r.files(ctx, dir, glob)
	if fault != nil {
		r.fail(ref, fault)
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
		if doc.Several {
			for _, text := range doc.Head.Warnings {
				r.Warnings.Add(project.BaseName(name) + ": " + text)
			}
		}
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

// files lists the files beneath a folder that may hold tickets.
func (r *Reader) files(ctx context.Context, dir, glob string) (names []string, cut bool, fault *contract.Error) {
	names, cut, err := r.project.Files(ctx, dir, project.Search{Entries: maxWalkEntries, Most: maxWalkFiles, Want: func(name string) bool {
		return ticket.IsCandidate(name) && (glob == "" || project.Matches(glob, name))
	}, Into: ticket.IsFolder})
	if err != nil {
		return nil, false, r.project.Fault(ctx, dir, err)
	}
	return names, cut, nil
}
