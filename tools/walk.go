package tools

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Bounds on looking through a folder.
const (
	maxWalkEntries = 50_000
	maxWalkDepth   = 24
	maxWalkFiles   = 12_000 // files that are read as tickets
)

func hasMeta(name string) bool { return strings.ContainsAny(name, "*?[") }

// tooManyStars: each ** multiplies what is tried.
func tooManyStars(glob string) bool {
	const most = 3
	return strings.Count(glob, "**") > most || len(glob) > 1000
}

// pattern reads the open tickets of the files that a pattern matches.
func (r *reader) pattern(ctx context.Context, glob string) {
	if tooManyStars(glob) {
		r.fail(glob, &contract.Error{Code: contract.CodeArgument, Cause: "the pattern is too long or has too many **",
			Next: "Give a folder, or a pattern with at most three **."})
		return
	}
	base := path.Clean(filepath.ToSlash(glob))
	for hasMeta(base) {
		base = path.Dir(base)
	}
	before := r.total
	if _, err := r.d.stat(ctx, base); errors.Is(err, rootfs.ErrOutside) {
		r.fail(glob, r.d.fileError(ctx, glob, err))
		return
	}
	if r.isFolder(ctx, base) {
		r.folder(ctx, glob, base, path.Clean(filepath.ToSlash(glob)))
	}
	if r.total == before && r.left == (leftOut{}) {
		r.fail(glob, &contract.Error{Code: contract.CodeNotFound, Cause: "no ticket matches " + plain.Clip(plain.Line(glob), 200) +
			" in " + r.d.Root,
			Next: "Give a pattern relative to the project root, such as backlog/**/*.md."})
	}
}

// folder reads the open tickets in a folder and those beneath it, in the order of
// their paths. glob "" takes every file that may hold tickets.
func (r *reader) folder(ctx context.Context, ref, dir, glob string) {
	names, cut, fault := r.d.files(ctx, dir, glob)
	if fault != nil {
		r.fail(ref, fault)
		return
	}
	if cut {
		r.warn(fmt.Sprintf("%s holds more than is looked through; the rest is left out", plain.Line(dir)))
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		doc, fault := r.d.readDocument(ctx, name)
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
				r.warn(baseName(name) + ": " + text)
			}
		}
	}
	if len(names) == 0 && glob == "" {
		r.fail(ref, &contract.Error{Code: contract.CodeUnreadable, Cause: plain.Clip(plain.Line(dir), 200) +
			" is a directory without tickets",
			Next: "Give the folder that holds the tickets, or their paths."})
	}
}

// files lists the files beneath a folder that may hold tickets, as paths from the
// root. cut says that bounds were reached.
func (d *Deps) files(ctx context.Context, dir, glob string) (names []string, cut bool, fault *contract.Error) {
	root, err := rootfs.Open(ctx, d.Root)
	if err != nil {
		return nil, false, d.fileError(ctx, dir, err)
	}
	defer root.Close() //nolint:errcheck // only read
	top, err := root.Rel(ctx, dir)
	if err != nil {
		return nil, false, d.fileError(ctx, dir, err)
	}
	w := walk{root: root, left: maxWalkEntries, most: maxWalkFiles, want: func(name string) bool {
		return ticket.IsCandidate(name) && (glob == "" || matches(glob, name))
	}, into: ticket.IsFolder}
	if err := w.dir(ctx, filepath.ToSlash(top), 0); err != nil {
		return nil, false, d.fileError(ctx, dir, err)
	}
	return w.names, w.cut, nil
}

// walk lists files beneath a folder, in the order of their names, without following
// links.
type walk struct {
	root  *rootfs.Root
	left  int // entries that may still be looked at
	most  int // names that are wanted
	want  func(name string) bool
	into  func(folder string) bool
	names []string
	cut   bool
}

func (w *walk) dir(ctx context.Context, dir string, depth int) error {
	if depth > maxWalkDepth || w.left <= 0 || len(w.names) >= w.most {
		w.cut = true
		return nil
	}
	entries, more, err := w.root.List(ctx, filepath.FromSlash(dir), w.left)
	if err != nil {
		if depth > 0 && ctx.Err() == nil {
			return nil // a folder that may not be read holds no tickets for us
		}
		return err
	}
	w.cut = w.cut || more
	w.left -= len(entries)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case len(w.names) >= w.most:
			w.cut = true
			return nil
		case e.IsDir():
			if w.into(e.Name()) {
				if err := w.dir(ctx, name, depth+1); err != nil {
					return err
				}
			}
		case e.Type().IsRegular() && w.want(name):
			w.names = append(w.names, name)
		}
	}
	return nil
}

// matches compares a path with a pattern; ** matches any folders.
func matches(glob, name string) bool {
	return matchParts(strings.Split(glob, "/"), strings.Split(name, "/"))
}

func matchParts(glob, name []string) bool {
	for len(glob) > 0 {
		if glob[0] == "**" {
			for len(glob) > 1 && glob[1] == "**" {
				glob = glob[1:]
			}
			if len(glob) == 1 {
				return true
			}
			for i := range name {
				if matchParts(glob[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(glob[0], name[0]); err != nil || !ok {
			return false
		}
		glob, name = glob[1:], name[1:]
	}
	return len(name) == 0
}

// countFiles looks up what the patterns and folders among a ticket's affected files
// match in its working tree: up to MaxLocalFiles they are replaced by the files; a
// pattern that matches nothing yet counts as more.
func (d *Deps) countFiles(ctx context.Context, t *ticket.Ticket, tree string) {
	const most = 50 // entries that are looked up
	var out []ticket.File
	changed := false
	for i, f := range t.Files {
		names, counted := []string(nil), false
		if i < most {
			names, counted = d.standsFor(ctx, f, tree)
		}
		switch {
		case !counted:
			out = append(out, f)
		case len(names) == 0 || len(names) > policy.MaxLocalFiles:
			f.Count = policy.MaxLocalFiles + 1
			out, changed = append(out, f), true
		default:
			changed = true
			for _, name := range names {
				out = append(out, ticket.File{Path: name, Action: f.Action, Description: f.Description})
			}
		}
	}
	if changed {
		t.Files = distinctFiles(out)
	}
}

func distinctFiles(files []ticket.File) []ticket.File {
	seen := map[string]bool{}
	out := files[:0]
	for _, f := range files {
		if !seen[f.Path] {
			seen[f.Path] = true
			out = append(out, f)
		}
	}
	return out
}

// standsFor lists the files of a folder or a pattern, a few more than MaxLocalFiles at
// most, as the ticket would write them. counted is false for a single file.
func (d *Deps) standsFor(ctx context.Context, f ticket.File, tree string) (names []string, counted bool) {
	if !hasMeta(f.Path) && path.Ext(f.Path) != "" && !strings.HasSuffix(f.Path, "/") {
		return nil, false
	}
	if tooManyStars(f.Path) {
		return nil, true
	}
	full := inTree(tree, f.Path)
	base := full
	for hasMeta(base) {
		base = path.Dir(base)
	}
	info, err := d.stat(ctx, filepath.FromSlash(base))
	if hasMeta(f.Path) && (err != nil || !info.IsDir()) {
		return nil, true
	}
	if err != nil || !info.IsDir() {
		return nil, false
	}
	root, err := rootfs.Open(ctx, d.Root)
	if err != nil {
		return nil, false
	}
	defer root.Close() //nolint:errcheck // only read
	top, err := root.Rel(ctx, filepath.FromSlash(base))
	if err != nil {
		return nil, hasMeta(f.Path)
	}
	w := walk{root: root, left: 5000, most: policy.MaxLocalFiles + 1, want: func(name string) bool {
		return !hasMeta(f.Path) || matches(path.Clean(full), name)
	}, into: func(name string) bool { return name != ".git" && name != "node_modules" }}
	if err := w.dir(ctx, filepath.ToSlash(top), 0); err != nil {
		return nil, hasMeta(f.Path)
	}
	for _, name := range w.names {
		if tree != "" {
			name = strings.TrimPrefix(name, tree+"/")
		}
		names = append(names, name)
	}
	return names, true
}
