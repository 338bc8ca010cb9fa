// Package decide says what kind of ticket one is, how hard it is, and whether the
// local model may have it: by what the ticket states, by rules, by a model's word
// and by the record of the guard.
package decide

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
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
		return c.withoutModel(echo), nil
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
		unanswered, err := AsUnanswered(ctx, err)
		if err != nil {
			return c, err
		}
		return c.unanswered(unanswered, echo, time.Since(start)), nil
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
	return c.answeredBy(a, echo), nil
}

// question is what a model is asked about the ticket.
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

// unanswered is the ticket classified by rules, after the tiers were asked in
// vain for so long.
func (c Classified) unanswered(u *routing.Unanswered, echo string, took time.Duration) Classified {
	c.Class, c.By = c.Class.WithoutModel(), "rules"
	c.Fallback, c.Failed, c.Withheld = contract.Join(echo, u.Reason()), u.Attempts, u.Withheld
	c = c.withGuess()
	c.Answer, c.Estimated = InVain(u, took)
	return c
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

// answeredBy notes who was asked; passed is why the local model was not.
func (c Classified) answeredBy(a routing.Answer, passed string) Classified {
	c.Answer, c.Estimated = AnswerOf(a), a.CostEstimated
	c.Fallback, c.Failed, c.Withheld = contract.Join(passed, a.Reason()), a.Attempts, a.Withheld
	if passed != "" {
		c.Answer.FellBack, c.Answer.Reason = true, c.Fallback
	}
	return c
}

// withoutModel is the rules' answer where the model's word is not worth asking for.
func (c Classified) withoutModel(why string) Classified {
	c.Class, c.By, c.Fallback = c.Class.WithoutModel(), "rules", why
	c.Answer = &Answer{FellBack: true, Reason: why}
	return c.withGuess()
}
