package tools

import (
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

func (r *reader) exists(ctx context.Context, name string) bool {
	_, err := r.d.stat(ctx, name)
	return err == nil
}

func (r *reader) isFolder(ctx context.Context, name string) bool {
	info, err := r.d.stat(ctx, name)
	return err == nil && info.IsDir()
}

// stat describes what is under a path of the project.
func (d *Deps) stat(ctx context.Context, name string) (fs.FileInfo, error) {
	root, err := rootfs.Open(ctx, d.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	rel, err := root.Rel(ctx, name)
	if err != nil {
		return nil, err
	}
	return root.Stat(ctx, rel)
}

// tree is treeOf, asked once for each directory.
func (r *reader) tree(ctx context.Context, t ticket.Ticket) string {
	dir := dirOf(t)
	found, known := r.trees[dir]
	if !known {
		found = r.d.treeOf(ctx, t)
		r.trees[dir] = found
	}
	return found
}

func dirOf(t ticket.Ticket) string {
	file, _, _ := strings.Cut(t.Source, "#")
	return path.Dir(file)
}

// treeOf is the working tree that holds a ticket, as a folder beneath the root: the
// nearest one above it that has a .git; "" = the root's own.
func (d *Deps) treeOf(ctx context.Context, t ticket.Ticket) string {
	const deepest = 64
	dir := dirOf(t)
	for n := 0; dir != "." && dir != "/" && n < deepest; n++ {
		if _, err := d.stat(ctx, filepath.FromSlash(dir+"/.git")); err == nil {
			return dir
		}
		dir = path.Dir(dir)
	}
	return ""
}

// inTree is a path of a ticket as one beneath the root.
func inTree(tree, name string) string {
	if tree == "" || path.IsAbs(name) || filepath.IsAbs(name) {
		return name
	}
	return path.Join(tree, name)
}
