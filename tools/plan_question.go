package tools

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// planTokens bounds the reply: what the ticket needs, within a third of the
// window, so that a small window keeps room for the question.
func (d *Deps) planTokens(q prompts.PlanQuestion) int {
	const least = 256
	return min(q.Tokens(), max(least, d.NumCtx/3))
}

// AskPlan is what plan_ticket asks a model on this machine of a ticket, its words, and
// the most tokens of a reply; for programs that compare models. Root and NumCtx are
// all that it needs.
func (d *Deps) AskPlan(ctx context.Context, t ticket.Ticket) (q prompts.PlanQuestion, user string, maxTokens int, err error) {
	q, user, err = d.question(ctx, t, policy.OnlyLocal, true, "", &planResult{ID: t.ID})
	return q, user, d.planTokens(q), err
}

// question is what is asked, and its words. The affected files get what room the
// ticket itself leaves.
func (d *Deps) question(ctx context.Context, t ticket.Ticket, route policy.Route, include bool, evidence string, r *planResult,
) (prompts.PlanQuestion, string, error) {
	tree := d.project().Tree(ctx, t)
	q := prompts.PlanQuestion{ID: t.ID, Title: t.Title, Ticket: ticketText(t), Evidence: evidence, Commands: project.WithoutSecrets(d.project().Commands(ctx, t)),
		Exists: func(path string) bool { return d.project().HasFile(ctx, project.InTree(tree, path)) },
		Read:   func(path string) string { return d.project().Text(ctx, project.InTree(tree, path), maxSourceBytes) }}
	t.Files = d.plannable(t.Files, r)
	for _, f := range t.Files {
		q.Files = append(q.Files, prompts.PlanFile{Path: f.Path, Action: f.Action, Description: f.Description})
	}
	for _, c := range t.Criteria {
		q.Criteria = append(q.Criteria, prompts.PlanCriterion{ID: c.ID, Text: c.Text})
	}
	user, err := prompts.Plan(q)
	if err != nil || !include {
		return q, user, err
	}
	var notes []string
	room := d.promptRoom(ctx, route, d.planTokens(q))
	q.Sources, notes = d.sources(ctx, t, tree, q, room-len(prompts.System)-len(user))
	for _, n := range notes {
		r.warn(n)
	}
	if len(q.Sources) > 0 {
		if user, err = prompts.Plan(q); err != nil {
			return q, user, err
		}
	}
	if len(t.Beside) > 0 {
		q.Context = d.context(ctx, t, q, room-len(prompts.System)-len(user))
		user, err = prompts.Plan(q)
	}
	return q, user, err
}

// plannable are the affected files that a plan may touch, relative to the root.
func (d *Deps) plannable(files []ticket.File, r *planResult) (out []ticket.File) {
	for _, f := range files {
		f.Path = strings.TrimPrefix(f.Path, strings.TrimSuffix(filepath.ToSlash(d.Root), "/")+"/")
		if why := paths.Refused(f.Path, true); why != "" {
			r.warn(f.Path + " is not part of the plan: it " + why)
			continue
		}
		out = append(out, f)
	}
	return out
}
