package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// statedIn is what a ticket says about itself, and where it says nothing of its size,
// the files that its text names.
func statedIn(ctx context.Context, d *deps.Deps, t ticket.Ticket) policy.Stated {
	s := Stated(t, d.Prefixes)
	if policy.Classify(s).SizeUnknown {
		s.FilesFromText = d.Files().FilesNamed(ctx, t)
	}
	return s
}

// Stated is what a ticket says about itself in the words of the rules. prefixes are the
// project's categories beside BUG, FEAT and TASK.
func Stated(t ticket.Ticket, prefixes []string) policy.Stated {
	paths := make([]string, 0, len(t.Files))
	for _, f := range t.Files {
		paths = append(paths, f.Path)
		for n := 1; n < f.Count; n++ { // a pattern or a folder of several
			paths = append(paths, fmt.Sprintf("%s (%d)", f.Path, n+1))
		}
	}
	s := policy.Stated{
		ID: t.ID, Type: t.Type, Complexity: t.Complexity, Files: paths, Tags: slices.Concat(t.Labels, t.Concerns),
		HasFrontMatter: t.HasFrontMatter, HasFileTable: t.HasFileTable,
		Title: t.Title, Body: t.Body, Prefixes: prefixes,
	}
	if !t.IDStatesKind {
		s.ID = "" // its prefix is the tracker's, and says nothing of the kind
	}
	configured := func(prefix string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.EqualFold(p, prefix) })
	}
	prefix, _, _ := strings.Cut(t.ID, "-")
	if t.Kind != "" && !configured(t.Type) && (t.Type != "" || s.ID == "" || !configured(prefix)) {
		s.Type = t.Kind
	}
	return s
}
