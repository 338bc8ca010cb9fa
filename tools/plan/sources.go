package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

const (
	maxSourceBytes = 256 << 10 // a larger affected file is not shown to a model
	aroundSource   = 100       // bytes of heading and fence around each
)

// promptRoom is how many bytes of prompt a plan may have on the route's first
// tier, so that a reply of so many tokens and one repair round still fit.
func promptRoom(ctx context.Context, d *deps.Deps, route policy.Route, tokens int) int {
	reply := tokens + min(tokens, d.NumCtx/8)
	if d.Room != nil {
		return d.Room(ctx, route, reply)
	}
	return (d.NumCtx*9/10 - reply) * 3
}

// sources reads the affected files, files to modify first and then in the
// ticket's order, into the bytes of prompt that are left. Of a file that does
// not fit, the parts that the ticket names are shown. What is left out is said
// in notes.
func sources(ctx context.Context, p project.Project, t ticket.Ticket, tree string, q prompts.PlanQuestion, room int) (out []prompts.Source, notes []string) {
	files := byRelevance(t.Files)
	for i, f := range files {
		// The first files may not starve the others.
		share := room
		if left := len(files) - i; left > 1 {
			share = max(room*2/3, room/left)
		}
		s, note := source(ctx, p, f, tree, q, share-len(f.Path)-aroundSource)
		if note != "" {
			notes = append(notes, note)
		}
		if s.Text == "" {
			continue
		}
		room -= len(s.Text) + len(s.Path) + aroundSource
		out = append(out, s)
	}
	return out, notes
}

// beside reads the specification and design beside a ticket into the room that is
// left; one that does not fit is shown in part.
func beside(ctx context.Context, p project.Project, t ticket.Ticket, q prompts.PlanQuestion, room int) []prompts.Source {
	var out []prompts.Source
	for i, name := range t.Beside {
		share := room / (len(t.Beside) - i)
		s, _ := source(ctx, p, ticket.File{Path: name}, "", q, share-len(name)-aroundSource)
		if s.Text != "" {
			room -= len(s.Text) + len(s.Path) + aroundSource
			out = append(out, s)
		}
	}
	return out
}

func byRelevance(files []ticket.File) []ticket.File {
	var first, rest []ticket.File
	for _, f := range files {
		switch f.Action {
		case "create": // nothing to read yet
		case "delete":
			rest = append(rest, f)
		default:
			first = append(first, f)
		}
	}
	return append(first, rest...)
}

func source(ctx context.Context, p project.Project, f ticket.File, tree string, q prompts.PlanQuestion, room int) (prompts.Source, string) {
	none := prompts.Source{}
	if why := project.WithheldReason(f.Path); why != "" {
		return none, f.Path + " " + why
	}
	data, real, fault := p.Read(ctx, project.InTree(tree, f.Path), maxSourceBytes)
	var size *rootfs.SizeError
	switch {
	case fault == nil:
	case fault.Code == contract.CodeNotFound:
		return none, f.Path + " was not shown to the model: it does not exist"
	case errors.As(fault, &size):
		return none, fmt.Sprintf("%s was not shown to the model: %d bytes, more than %d", f.Path, size.Size, size.Limit)
	case errors.Is(fault, rootfs.ErrNotRegular):
		return none, f.Path + " was not shown to the model: it " + project.Cause(fault.Err)
	default:
		return none, f.Path + " was not shown to the model: " + fault.Cause
	}
	switch {
	case bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data):
		return none, f.Path + " was not shown to the model: it is not text"
	case len(data) == 0:
		return none, ""
	}
	if why := project.WithheldReason(real); why != "" {
		return none, f.Path + " " + why
	}
	text, hasKey := secrets.MaskKeys(strings.ReplaceAll(string(data), "\r\n", "\n"))
	s := q.Show(filepath.ToSlash(f.Path), text, room)
	s.Local = project.IsLocal(f.Path, real)
	if s.Text == "" {
		return none, f.Path + " was not shown to the model: no room left in the context window"
	}
	switch {
	case hasKey:
		return s, f.Path + " was shown without the private key in it"
	case s.Cut():
		return s, fmt.Sprintf("%s was shown in part: %d of %d bytes", f.Path, s.Shown, s.Size)
	}
	return s, ""
}
