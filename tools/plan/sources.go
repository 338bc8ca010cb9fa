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

// sources reads files into the bytes of prompt that are left, of which share gives
// each its part. Of a file that does not fit, the parts that the ticket names are
// shown. What is left out is said in notes.
func sources(ctx context.Context, p project.Project, files []ticket.File, tree string, q prompts.PlanQuestion,
	room int, share func(room, files int) int,
) (out []prompts.Source, notes []string) {
	for i, f := range files {
		s, note := source(ctx, p, f.Path, tree, q, share(room, len(files)-i)-len(f.Path)-aroundSource)
		if note != "" {
			notes = append(notes, f.Path+" "+note)
		}
		if s.Text != "" {
			room -= len(s.Text) + len(s.Path) + aroundSource
			out = append(out, s)
		}
	}
	return out, notes
}

func evenShare(room, files int) int { return room / files }

// firstShare gives the first files the most, but does not let them starve the others.
func firstShare(room, files int) int {
	if files == 1 {
		return room
	}
	return max(room*2/3, room/files)
}

// byRelevance lists files to modify before those to delete.
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

// source reads one file. note says why it is not shown, or not as it is.
func source(ctx context.Context, p project.Project, name, tree string, q prompts.PlanQuestion, room int,
) (s prompts.Source, note string) {
	const notShown = "was not shown to the model: "
	if why := project.WithheldReason(name); why != "" {
		return s, why
	}
	data, real, fault := p.Read(ctx, project.InTree(tree, name), maxSourceBytes)
	if fault != nil {
		return s, notShown + whyUnread(fault)
	}
	switch why := project.WithheldReason(real); {
	case bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data):
		return s, notShown + "it is not text"
	case len(data) == 0:
		return s, ""
	case why != "":
		return s, why
	}
	text, hasKey := secrets.MaskKeys(strings.ReplaceAll(string(data), "\r\n", "\n"))
	s = q.Show(filepath.ToSlash(name), text, room)
	s.Local = project.IsLocal(name, real)
	switch {
	case s.Text == "":
		return s, notShown + "no room left in the context window"
	case hasKey:
		return s, "was shown without the private key in it"
	case s.Cut():
		return s, fmt.Sprintf("was shown in part: %d of %d bytes", s.Shown, s.Size)
	}
	return s, ""
}

func whyUnread(fault *contract.Error) string {
	var size *rootfs.SizeError
	switch {
	case fault.Code == contract.CodeNotFound:
		return "it does not exist"
	case errors.As(fault, &size):
		return fmt.Sprintf("%d bytes, more than %d", size.Size, size.Limit)
	case errors.Is(fault, rootfs.ErrNotRegular):
		return "it " + project.Cause(fault.Err)
	}
	return fault.Cause
}
