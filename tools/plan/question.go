package plan

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// maxTokens bounds the reply: what the ticket needs, within a third of the
// window, so that a small window keeps room for the question.
func maxTokens(d *deps.Deps, q prompts.PlanQuestion) int {
	const least = 256
	return min(q.Tokens(), max(least, d.NumCtx/3))
}

// Ask is what plan_ticket asks a model on this machine of a ticket, its words, and
// the most tokens of a reply; for programs that compare models. Root and NumCtx are
// all that it needs.
func Ask(ctx context.Context, d *deps.Deps, t ticket.Ticket) (q prompts.PlanQuestion, user string, most int, err error) {
	r := &Result{ID: t.ID}
	q, user, err = r.question(ctx, d, Request{Ticket: t, Route: policy.OnlyLocal, IncludeFiles: true}, "")
	return q, user, maxTokens(d, q), err
}

// question is what is asked, and its words. The affected files get what room the
// ticket itself leaves.
func (r *Result) question(ctx context.Context, d *deps.Deps, req Request, evidence string) (prompts.PlanQuestion, string, error) {
	t, files := req.Ticket, d.Files()
	tree := files.Tree(ctx, t)
	q := prompts.PlanQuestion{ID: t.ID, Title: t.Title, Ticket: ticketText(t), Evidence: evidence, Commands: project.WithoutSecrets(files.Commands(ctx, t)),
		Exists: func(path string) bool { return files.HasFile(ctx, project.InTree(tree, path)) },
		Read:   func(path string) string { return files.Text(ctx, project.InTree(tree, path), maxSourceBytes) }}
	t.Files = r.plannable(t.Files, d.Root)
	for _, f := range t.Files {
		q.Files = append(q.Files, prompts.PlanFile{Path: f.Path, Action: f.Action, Description: f.Description})
	}
	for _, c := range t.Criteria {
		q.Criteria = append(q.Criteria, prompts.PlanCriterion{ID: c.ID, Text: c.Text})
	}
	user, err := prompts.Plan(q)
	if err != nil || !req.IncludeFiles {
		return q, user, err
	}
	var notes []string
	room := promptRoom(ctx, d, req.Route, maxTokens(d, q))
	q.Sources, notes = sources(ctx, files, byRelevance(t.Files), tree, q, room-len(prompts.System)-len(user), firstShare)
	r.Warnings.Add(notes...)
	if user, err = prompts.Plan(q); err != nil || len(t.Beside) == 0 {
		return q, user, err
	}
	// The specification and design beside the ticket get what is left.
	beside := make([]ticket.File, len(t.Beside))
	for i, name := range t.Beside {
		beside[i].Path = name
	}
	q.Context, _ = sources(ctx, files, beside, "", q, room-len(prompts.System)-len(user), evenShare)
	user, err = prompts.Plan(q)
	return q, user, err
}

// plannable are the affected files that a plan may touch, relative to the root.
func (r *Result) plannable(files []ticket.File, root string) (out []ticket.File) {
	for _, f := range files {
		f.Path = strings.TrimPrefix(f.Path, strings.TrimSuffix(filepath.ToSlash(root), "/")+"/")
		if why := paths.Refused(f.Path, true); why != "" {
			r.Warnings.Add(f.Path + " is not part of the plan: it " + why)
			continue
		}
		out = append(out, f)
	}
	return out
}

// failedPlan is what the plan gate refused before: it belongs in the next
// question, which must not be the same again.
type failedPlan statestore.PlanFailure

// lastFailure reads what failed. A journal that cannot be read costs the lesson,
// not the plan.
func (r *Result) lastFailure(ctx context.Context, d *deps.Deps) failedPlan {
	f, err := d.Journal.PlanFailure(ctx, r.ID)
	if err != nil && ctx.Err() == nil {
		r.Warnings.Add("journal not readable, so an earlier failure of the plan gate was not considered: " + err.Error())
	}
	return failedPlan(f)
}

// text is the evidence for the question, "" where nothing failed.
func (f failedPlan) text() string {
	const maxFailedEvidence, maxFailedPlan = 2000, 4000 // characters that are repeated
	if f.Evidence == "" && f.Plan == "" {
		return ""
	}
	text := cmp.Or(plain.Clip(f.Evidence, maxFailedEvidence), "The reason was not recorded.")
	if f.Plan != "" {
		text += "\n\nThe plan that was refused:\n" + plain.Clip(f.Plan, maxFailedPlan)
	}
	return text
}

// note says that the plan was made with the lesson, for the summary.
func (f failedPlan) note() string {
	if f.text() == "" {
		return ""
	}
	return fmt.Sprintf("; the evidence of %d failed plan gate(s) was part of the question", max(f.Count, 1))
}

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
