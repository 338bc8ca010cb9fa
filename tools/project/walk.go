package project

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

const maxWalkDepth = 24

// IsPattern reports whether a name holds what a pattern of paths does.
func IsPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// TooManyStars reports whether a pattern is too expensive to match: each ** multiplies what is tried.
func TooManyStars(glob string) bool {
	const most = 3
	return strings.Count(glob, "**") > most || len(glob) > 1000
}

// Search bounds a look through a folder.
type Search struct {
	Entries int                      // that are looked at
	Most    int                      // files that are wanted
	Want    func(name string) bool   // name is a path from the root
	Into    func(folder string) bool // folder is a bare name
}

// Files lists the files beneath a folder that a search wants, as paths from the
// root in the order of their names, without following links. cut says that bounds
// were reached. Beside an error are those found before it.
func (p Project) Files(ctx context.Context, dir string, s Search) (names []string, cut bool, err error) {
	root, err := rootfs.Open(ctx, p.Root)
	if err != nil {
		return nil, false, err
	}
	defer root.Close() //nolint:errcheck // only read
	top, err := root.Rel(ctx, filepath.FromSlash(dir))
	if err != nil {
		return nil, false, err
	}
	w := walk{root: root, Search: s}
	err = w.dir(ctx, filepath.ToSlash(top), 0)
	return w.names, w.cut, err
}

// walk is a search under way: its Entries are those that are left.
type walk struct {
	Search
	root  *rootfs.Root
	names []string
	cut   bool
}

func (w *walk) dir(ctx context.Context, dir string, depth int) error {
	if depth > maxWalkDepth || w.Entries <= 0 || len(w.names) >= w.Most {
		w.cut = true
		return nil
	}
	entries, more, err := w.root.List(ctx, filepath.FromSlash(dir), w.Entries)
	if err != nil {
		if depth > 0 && ctx.Err() == nil {
			return nil // a folder that may not be read holds no tickets for us
		}
		return err
	}
	w.cut = w.cut || more
	w.Entries -= len(entries)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case len(w.names) >= w.Most:
			w.cut = true
			return nil
		case e.IsDir():
			if w.Into(e.Name()) {
				if err := w.dir(ctx, name, depth+1); err != nil {
					return err
				}
			}
		case e.Type().IsRegular() && w.Want(name):
			w.names = append(w.names, name)
		}
	}
	return nil
}

// Matches compares a path with a pattern; ** matches any folders. The time is at most
// the product of both lengths, whatever the pattern.
func Matches(glob, name string) bool {
	parts, names := strings.Split(glob, "/"), strings.Split(name, "/")
	g, n := 0, 0
	again, from := -1, 0 // behind the last **, and where its folders end so far
	for n < len(names) {
		switch {
		case g < len(parts) && parts[g] == "**":
			g++
			again, from = g, n
		case g < len(parts) && matchPart(parts[g], names[n]):
			g, n = g+1, n+1
		case again >= 0:
			from++
			g, n = again, from
		default:
			return false
		}
	}
	for g < len(parts) && parts[g] == "**" {
		g++
	}
	return g == len(parts)
}

func matchPart(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// CountFiles looks up what the patterns and folders among a ticket's affected files
// match in its working tree: up to MaxLocalFiles they are replaced by the files; a
// pattern that matches nothing yet counts as more.
func (p Project) CountFiles(ctx context.Context, t *ticket.Ticket, tree string) {
	const most = 50 // entries that are looked up
	var out []ticket.File
	changed := false
	for i, f := range t.Files {
		var names []string
		counted := false
		if i < most {
			names, counted = p.standsFor(ctx, f, tree)
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
	if !changed {
		return
	}
	seen := map[string]bool{}
	t.Files = slices.DeleteFunc(out, func(f ticket.File) bool {
		was := seen[f.Path]
		seen[f.Path] = true
		return was
	})
}

// standsFor lists the files of a folder or a pattern, a few more than MaxLocalFiles at
// most, as the ticket would write them. counted is false for a single file.
func (p Project) standsFor(ctx context.Context, f ticket.File, tree string) (names []string, counted bool) {
	pattern := IsPattern(f.Path)
	if !pattern && path.Ext(f.Path) != "" && !strings.HasSuffix(f.Path, "/") {
		return nil, false
	}
	if TooManyStars(f.Path) {
		return nil, true
	}
	full := InTree(tree, f.Path)
	base := full
	for IsPattern(base) {
		base = path.Dir(base)
	}
	if info, err := p.Stat(ctx, filepath.FromSlash(base)); err != nil || !info.IsDir() {
		return nil, pattern
	}
	names, _, err := p.Files(ctx, base, Search{
		Entries: 5000, Most: policy.MaxLocalFiles + 1,
		Want: func(name string) bool { return !pattern || Matches(path.Clean(full), name) },
		Into: func(name string) bool { return name != ".git" && name != "node_modules" },
	})
	if err != nil {
		return nil, pattern
	}
	if tree != "" {
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], tree+"/")
		}
	}
	return names, true
}
