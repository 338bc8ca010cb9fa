// Package project is what the files of a project say: the text of one, the commands
// that check a change, the files that a ticket names, and what of it no model may see.
package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Project is the project that is worked on: every path is one beneath its root,
// and none leads out of it.
type Project struct {
	Root string // directory
}

// Read reads a file of the project, named relative to its root or absolutely,
// of at most limit bytes. name is its name beneath the root.
func (p Project) Read(ctx context.Context, path string, limit int64) (data []byte, name string, fault *contract.Error) {
	root, err := rootfs.Open(ctx, p.Root)
	if err != nil {
		return nil, "", &contract.Error{Code: contract.CodeUnreadable, Cause: "project root: " + err.Error(),
			Next: "Set CLAUDE_PROJECT_DIR to the project's directory.", Err: err}
	}
	defer root.Close() //nolint:errcheck // only read
	name, err = root.Rel(ctx, path)
	if err == nil {
		data, err = root.Read(ctx, name, limit)
	}
	if err != nil {
		return nil, name, p.Fault(ctx, path, err)
	}
	return data, name, nil
}

// Fault is the error of a path that cannot be read, with what to do.
func (p Project) Fault(ctx context.Context, path string, err error) *contract.Error {
	shown := plain.Clip(path, 200)
	fault := &contract.Error{Code: contract.CodeUnreadable, Cause: shown + ": " + Cause(err), Next: "Give the path of a readable file.", Err: err}
	var size *rootfs.SizeError
	switch {
	case ctx.Err() != nil:
		fault.Code, fault.Cause = contract.CodeTimeout, shown+": the file system did not answer in time"
		fault.Next, fault.Retryable = "Call again; check the disk if it stays.", true
	case errors.Is(err, fs.ErrNotExist):
		fault.Code, fault.Cause = contract.CodeNotFound, "no file "+shown+" in "+p.Root
		fault.Next = "Give a path relative to the project root."
	case errors.Is(err, rootfs.ErrOutside):
		fault.Code, fault.Cause = contract.CodeOutside, shown+" is outside the project root "+p.Root
		fault.Next = "Give a path inside the project, or pass the text as `ticket`."
	case errors.As(err, &size):
		fault.Code, fault.Cause = contract.CodeTooLarge, fmt.Sprintf("%s has %d bytes, the limit is %d", shown, size.Size, size.Limit)
		fault.Next = "Split the ticket, or move attachments out of it."
	}
	return fault
}

// Cause describes a file error without repeating its path.
func Cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// BaseName is a file's name without its extension, fit to be shown. A name such
// as .env is none but its extension, and stays.
func BaseName(path string) string {
	name := filepath.Base(filepath.ToSlash(path))
	if stem := strings.TrimSuffix(name, filepath.Ext(name)); stem != "" {
		name = stem
	}
	return plain.Clip(plain.Line(name), 100)
}

// Stat describes what is under a path of the project.
func (p Project) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	root, err := rootfs.Open(ctx, p.Root)
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

// Tree is the working tree that holds a ticket, as a folder beneath the root: the
// nearest one above it that has a .git; "" = the root's own.
func (p Project) Tree(ctx context.Context, t ticket.Ticket) string {
	const deepest = 64
	file, _, _ := strings.Cut(t.Source, "#")
	for n, dir := 0, path.Dir(file); dir != "." && dir != "/" && n < deepest; n, dir = n+1, path.Dir(dir) {
		if _, err := p.Stat(ctx, filepath.FromSlash(dir+"/.git")); err == nil {
			return dir
		}
	}
	return ""
}

// InTree is a path of a ticket as one beneath the root.
func InTree(tree, name string) string {
	if tree == "" || path.IsAbs(name) || filepath.IsAbs(name) {
		return name
	}
	return path.Join(tree, name)
}

// lookTime bounds a look at a file for a plan that may be judged, or be the
// template's, when its call is over.
const lookTime = 2 * time.Second

// HasFile reports whether a path of a plan is a file inside the project, also
// when the call is over.
func (p Project) HasFile(ctx context.Context, path string) bool {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer stop()
	info, err := p.Stat(ctx, path)
	return err == nil && info.Mode().IsRegular()
}

// Text returns the text of a file, also when the call is over; "" for one that
// cannot be read or has more than limit bytes.
func (p Project) Text(ctx context.Context, path string, limit int64) string {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer stop()
	data, _, _ := p.Read(ctx, path, limit)
	return string(data)
}

// WithheldReason returns why a file is shown to no model, "" where it may be. It looks at
// the name that the ticket gives and at the one behind its links.
func WithheldReason(names ...string) string {
	for _, n := range names {
		if kind := secrets.KindOf(n); kind == secrets.Private {
			return fmt.Sprintf("was not shown to the model: it is %s", kind)
		}
	}
	return ""
}

// IsLocal reports whether a file may be shown to a model on this machine only.
func IsLocal(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return secrets.KindOf(n) != secrets.Ordinary })
}

// WithoutSecrets leaves out commands with a secret in them: they are part of
// the reply's schema, which every tier gets.
func WithoutSecrets(commands []string) []string {
	return slices.DeleteFunc(slices.Clone(commands), func(c string) bool {
		_, kinds := secrets.Mask(c)
		return len(kinds) > 0
	})
}
