// Package decide says what kind of ticket one is, how hard it is, and whether the
// local model may have it: by what the ticket states, by rules, by a model's word
// and by the record of the guard.
package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Classified is one ticket on its way through classification and eligibility.
type Classified struct {
	ID     string
	Ticket ticket.Ticket
	Class  policy.Classification
	By     string // front_matter, rules, or the tier that answered
	stated policy.Stated

	Confidence *float64
	sure       bool              // a model whose word counts said low or medium
	Answer     *Answer           // who was asked; nil where nothing was left to ask
	Estimated  bool              // the answer's cost is
	Fallback   string            // why the tiers before the one that answered did not
	Failed     []routing.Attempt // what Fallback is about
	Withheld   []string          // what a tier on another machine did not get

	// Decide fills the rest.
	Local    bool
	Deciding policy.Rule
	Rules    []policy.Rule
	Guard    string       // the guard's words
	Owner    policy.Owner // whose ticket it is so far
}

// Classify says what kind of ticket it is and how hard: what it states, what
// the rules set, and for the rest a model, or the rules where none answers.
func Classify(ctx context.Context, d *deps.Deps, t ticket.Ticket, route policy.Route, p deps.Progress) (Classified, error) {
	stated := statedIn(ctx, d, t)
	return complete(ctx, d, Classified{ID: t.ID, Ticket: t, stated: stated, Class: policy.Classify(stated)}, route, p)
}

// complete asks a model for what the classification leaves open.
func complete(ctx context.Context, d *deps.Deps, c Classified, route policy.Route, p deps.Progress) (Classified, error) {
	t := c.Ticket
	c.By = c.Class.By
	if !c.Class.AskCategory && !c.Class.AskComplexity {
		return c.withGuess(), nil
	}
	q := c.question(d.Prefixes)
	user, err := prompts.Classify(q)
	if err != nil {
		return c, err
	}
	route, echo, ask := withoutEcho(ctx, d, route)
	if !ask {
		return c.byRules(echo, &Answer{FellBack: true, Reason: echo}), nil
	}
	start := time.Now()
	asking, stop := d.UntilDeadline(ctx)
	defer stop()
	a, err := d.Asker.Complete(asking, route, routing.Request{
		Purpose: "classify", TicketID: t.ID, System: prompts.System, User: user, Remote: q.Remote,
		Schema: q.Schema(), MaxTokens: prompts.MaxClassifyTokens, Likely: prompts.MaxClassifyTokens / 3,
		ConfidenceFields: q.Fields(),
		Accept:           func(text []byte) error { _, err := q.Parse(text); return err },
		Progress:         p.Tokens(t.ID),
	})
	if err != nil {
		u, err := AsUnanswered(ctx, err)
		if err != nil {
			return c, err
		}
		c.Failed, c.Withheld = u.Attempts, u.Withheld
		var answer *Answer
		answer, c.Estimated = InVain(u, time.Since(start))
		return c.byRules(contract.Join(echo, u.Reason()), answer), nil
	}
	reply, err := q.Parse(a.Text)
	if err != nil {
		return c, fmt.Errorf("an accepted reply does not parse: %w", err)
	}
	c.Class, c.By = c.Class.WithModel(reply.Category, reply.Complexity), string(a.Tier)
	c.Confidence = a.Confidence
	// Without a probability a local model's word is worth little; the paid tiers
	// give none.
	c.sure = a.Confidence != nil || a.Tier != policy.Local
	if a.Tier == policy.Local {
		startEcho(d)
	}
	c.Answer, c.Estimated = AnswerOf(a), a.CostEstimated
	c.Fallback, c.Failed, c.Withheld = contract.Join(echo, a.Reason()), a.Attempts, a.Withheld
	if echo != "" {
		c.Answer.FellBack, c.Answer.Reason = true, c.Fallback
	}
	return c, nil
}

func (c Classified) question(prefixes []string) prompts.ClassifyQuestion {
	t := c.Ticket
	q := prompts.ClassifyQuestion{Ticket: t.Body, Files: len(c.stated.Files) + len(c.stated.FilesFromText),
		Complexity: c.Class.AskComplexity}
	if t.Title != "" && !strings.HasSuffix(strings.TrimSpace(t.Body), t.Title) {
		q.Ticket = t.Body + "\n\n" + t.Title // what it is about is read last
	}
	if c.Class.AskCategory {
		q.Categories = append([]string{"BUG", "FEAT", "TASK"}, prefixes...)
	}
	return q
}

// byRules is the ticket classified by rules; why is what kept the models from it.
func (c Classified) byRules(why string, answer *Answer) Classified {
	c.Class, c.By, c.Fallback, c.Answer = c.Class.WithoutModel(), "rules", why, answer
	return c.withGuess()
}

// withGuess reports the probability of a category that the rules guessed.
func (c Classified) withGuess() Classified {
	if c.Class.Confidence > 0 {
		c.Confidence = &c.Class.Confidence
	}
	return c
}

// AsUnanswered separates "no tier had an answer", for which the rules answer, from
// a call that is over.
func AsUnanswered(ctx context.Context, err error) (*routing.Unanswered, error) {
	//nolint:errorlint // Complete's contract: exactly this type or the context's error
	u, ok := err.(*routing.Unanswered)
	if !ok || ctx.Err() != nil {
		return nil, err
	}
	return u, nil
}

// Answer says who was asked, in every result.
type Answer struct {
	Model    string  `json:"model,omitempty"`
	Remote   bool    `json:"remote,omitempty"` // it does not run on this machine
	FellBack bool    `json:"fell_back"`
	Reason   string  `json:"reason,omitempty"`
	CostUSD  float64 `json:"cost_usd,omitempty"`
	MS       int64   `json:"ms"`
}

// EstimatedCost says what cost_usd is where the proxy names no cost.
const EstimatedCost = "cost_usd is an estimate from tokens and the list prices of " + prices.Date +
	": the proxy named no cost"

// Paid says what was spent, "" = nothing.
func Paid(usd float64) string {
	if usd <= 0 {
		return ""
	}
	return fmt.Sprintf("; paid $%.4f", usd)
}

// AnswerOf is the answer of a tier.
func AnswerOf(a routing.Answer) *Answer {
	return &Answer{Model: a.Model, Remote: a.Remote, FellBack: a.FellBack(), Reason: a.Reason(),
		CostUSD: a.CostUSD, MS: a.MS}
}

// InVain is the answer of nobody: what was asked and spent all the same.
func InVain(u *routing.Unanswered, took time.Duration) (a *Answer, estimated bool) {
	a = &Answer{FellBack: true, Reason: u.Reason(), MS: took.Milliseconds()}
	a.CostUSD, estimated = u.CostUSD()
	return a, estimated
}

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
