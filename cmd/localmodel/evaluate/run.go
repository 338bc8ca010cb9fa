// Package evaluate replays tickets through models side by side and says how
// accurate each was, its confidence, latency and cost. It knows nothing of the
// user's journal or guard, so it cannot touch them.
//
// A model is asked for category and complexity of every ticket, also where the
// ticket states them: what is stated is the label that its answer is judged by.
// The ticket's id, whose prefix gives the category away, is hidden from it.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/plan"
)

// Asker asks one model. *routing.Router is one.
type Asker interface {
	Complete(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error)
	Health(ctx context.Context, deep bool) routing.Health
}

// Model is one column of the comparison.
type Model struct {
	Name   string
	Tier   policy.Tier
	Group  bool // Name is a group of the proxy, not a model of Ollama
	Route  policy.Route
	Asker  Asker
	Digest string // of its weights; Ready fills it
	// Sampling is how plans are drawn; Setting names it, "" = as plan_ticket does.
	Sampling routing.Sampling
	Setting  string
}

// Paid reports whether asking it costs money.
func (m *Model) Paid() bool { return m.Tier != policy.Local }

// Load loads a model of Ollama, so that no answer's time has the load in it.
func (m *Model) Load(ctx context.Context) {
	if !m.Group {
		m.Asker.Health(ctx, true)
	}
}

// Ready looks whether a model is there. Nothing is paid for.
func (m *Model) Ready(ctx context.Context) error {
	h := m.Asker.Health(ctx, false)
	if m.Group {
		switch {
		case h.Proxy.Error != "" && len(h.Proxy.Models) == 0:
			return fmt.Errorf("%s: %s; %s", m.Name, h.Proxy.Error, h.Proxy.Fix)
		case !slices.Contains(h.Proxy.Models, m.Name):
			return fmt.Errorf("%s: the proxy has no model group %s; it has %s", m.Name, m.Name, strings.Join(h.Proxy.Models, ", "))
		}
		return nil
	}
	m.Digest = h.Ollama.Digest
	if !h.Ollama.Present {
		return fmt.Errorf("%s: %s; %s", m.Name, h.Ollama.Error, h.Ollama.Fix)
	}
	return nil
}

// Plan is what is to be asked of whom.
type Plan struct {
	Set      *labelled.Set
	Models   []*Model
	Plans    int           // tickets that are planned as well
	OnlyPlan bool          // nothing is classified
	Root     string        // project root: what a plan may name
	NumCtx   int           // the local model's window, tokens
	Deadline time.Duration // of one question
}

// task is one question to one model. want has what identifies its result.
type task struct {
	model  *Model
	ticket *labelled.Ticket
	want   Result
}

// weight is how long a task takes beside others, roughly.
func (t task) weight() float64 {
	if t.want.Task == "plan" {
		return 10
	}
	return 1
}

// tasks lists every task, model by model, so that no server loads a model
// twice.
func (p Plan) tasks() []task {
	kinds := []string{"classify", "plan"}
	if p.OnlyPlan {
		kinds = kinds[1:]
	}
	var out []task
	for _, m := range p.Models {
		left := p.Plans
		for _, kind := range kinds {
			for i := range p.Set.Tickets {
				t := &p.Set.Tickets[i]
				if kind == "plan" {
					if left == 0 || len(t.Files)+len(t.Criteria) == 0 {
						continue
					}
					left--
				}
				want := Result{Task: kind, Model: m.Name, Digest: m.Digest, Prompt: prompts.Version, Hash: t.Hash, Ticket: t.ID, Setting: m.Setting}
				out = append(out, task{m, t, want})
			}
		}
	}
	return out
}

// Quote is what the paid tasks that are left may cost.
type Quote struct {
	Calls   map[string]int // by model
	MostUSD float64
}

// Quote counts what is left to pay for, at most: with full replies, and each
// plan repaired once.
func (p Plan) Quote(ctx context.Context, done *Results) (Quote, error) {
	q := Quote{Calls: map[string]int{}}
	for _, t := range p.tasks() {
		if _, found := done.find(t.want); found || !t.model.Paid() {
			continue
		}
		req, err := p.request(ctx, t, &Result{})
		if err != nil {
			return q, err
		}
		q.Calls[t.model.Name]++
		// Two bytes a token and what a provider adds: more than any text takes.
		in := (len(req.System)+len(req.User)+len(req.Schema))/2 + 600
		out := req.MaxTokens
		if t.want.Task == "plan" {
			in, out = 2*in+req.MaxTokens, 2*out
		}
		priceIn, priceOut := prices.List(t.model.Tier)
		q.MostUSD += (float64(in)*priceIn + float64(out)*priceOut) / 1e6
	}
	return q, nil
}

// request describes a task as a question. The acceptance check notes in r what it
// sees of a plan.
func (p Plan) request(ctx context.Context, t task, r *Result) (routing.Request, error) {
	if t.want.Task == "plan" {
		return p.planRequest(ctx, t, r)
	}
	q := p.classification()
	q.Ticket = t.ticket.Hidden()
	user, err := prompts.Classify(q)
	return routing.Request{Purpose: "classify", System: prompts.System, User: user, Remote: q.Remote,
		Schema: q.Schema(), MaxTokens: prompts.MaxClassifyTokens,
		ConfidenceFields: q.Fields(), Accept: func(text []byte) error { _, err := q.Parse(text); return err }}, err
}

// classification is the question for every ticket, but for its text.
func (p Plan) classification() prompts.ClassifyQuestion {
	return prompts.ClassifyQuestion{Categories: p.Set.Categories(), Complexity: true}
}

// planRequest is what plan_ticket asks, present text of the files included.
func (p Plan) planRequest(ctx context.Context, t task, r *Result) (routing.Request, error) {
	q, user, most, err := plan.Ask(ctx, &deps.Deps{Root: p.Root, NumCtx: p.NumCtx}, t.ticket.Ticket)
	asked := q // as the tier that is asked sees it
	sampling := t.model.Sampling
	sampling.Free = true
	seen := 0
	return routing.Request{Purpose: "plan", System: prompts.System, User: user, Remote: func() (string, []string) {
		remote, words := q.Remote()
		asked = remote
		text, _ := prompts.Plan(remote) // it fails where the whole question does
		return text, words
	}, Schema: q.Schema(), MaxTokens: most, Sampling: sampling, Patient: !t.model.Paid(),
		Accept: func(text []byte) error {
			err := asked.Accept(text)
			seen++
			r.Repaired = seen > 1
			r.look(q, text, err)
			return err
		},
		Repair: func(_ []byte, defects error) string { return asked.Repair(defects) }}, err
}

// look notes what a reply is worth; the defects of the first one count, and the
// content of the last.
func (r *Result) look(q prompts.PlanQuestion, text []byte, verdict error) {
	var defects *prompts.Defects
	switch {
	case r.Repaired || verdict == nil:
	case errors.As(verdict, &defects):
		r.Defects = defects.List[:min(len(defects.List), mostDefects)]
	default:
		r.Defects = []string{verdict.Error()}
	}
	reply, err := q.Parse(text)
	if err != nil {
		return
	}
	cover := q.Covers(reply)
	content := q.ContentOf(reply)
	r.Coverage, r.Content = &cover, &content
}

// patience is how many failures in a row, that say nothing of the model, stop a
// run.
const patience = 3

// Run asks what is not in the results yet, and reports what is done of what there
// is, in the weight of tasks. It returns every result of the plan; on an error,
// those there are, of earlier runs too.
func (p Plan) Run(ctx context.Context, done *Results, report func(done, total float64, label string)) (out []Result, failed error) {
	tasks := p.tasks()
	var have, total float64
	for _, t := range tasks {
		total += t.weight()
		if _, found := done.find(t.want); found {
			have += t.weight()
		}
	}
	var loaded *Model
	failures := 0
	for _, t := range tasks {
		if r, found := done.find(t.want); found {
			out = append(out, r)
			continue
		}
		if failed != nil {
			continue
		}
		if loaded != t.model {
			loaded, failures = t.model, 0
			t.model.Load(ctx)
		}
		report(have, total, fmt.Sprintf("%s %s %s", column(t.model.Name, t.model.Setting), t.want.Task, t.ticket.ID))
		r, err := p.ask(ctx, t)
		if err == nil {
			err = done.add(r)
		}
		failures++
		if !r.passing() {
			failures = 0
		}
		switch {
		case err != nil:
			failed = err
		case failures == patience:
			failed = fmt.Errorf("%s: %s", t.model.Name, r.Reason)
		default:
			out = append(out, r)
			have += t.weight()
		}
	}
	if failed == nil {
		report(total, total, "done")
	}
	return out, failed
}

func (p Plan) ask(ctx context.Context, t task) (Result, error) {
	r := t.want
	req, err := p.request(ctx, t, &r)
	if err != nil {
		return r, err
	}
	limited, stop := context.WithTimeout(ctx, p.Deadline)
	defer stop()
	r.At = time.Now().UTC()
	a, err := t.model.Asker.Complete(limited, t.model.Route, req)
	r.MS = time.Since(r.At).Milliseconds()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	attempts := a.Attempts
	unanswered, isUnanswered := errors.AsType[*routing.Unanswered](err)
	switch {
	case isUnanswered:
		attempts = unanswered.Attempts
		r.Failed, r.Reason = routing.Unavailable, unanswered.Reason()
		if n := len(attempts); n > 0 {
			r.Failed = attempts[n-1].Kind
		}
	case err != nil:
		r.Failed, r.Reason = routing.Timeout, "no answer within "+p.Deadline.String()
	case r.Task == "classify":
		reply, err := p.classification().Parse(a.Text)
		if err != nil {
			return r, fmt.Errorf("an accepted reply does not parse: %w", err)
		}
		r.Category, r.Complexity, r.Confidence = reply.Category, reply.Complexity, a.Confidence
	}
	for _, at := range attempts {
		r.TokensIn, r.TokensOut, r.CostUSD = r.TokensIn+at.TokensIn, r.TokensOut+at.TokensOut, r.CostUSD+at.CostUSD
	}
	r.Estimated = a.CostEstimated
	r.Repaired = r.Repaired && r.Failed == ""
	return r, nil
}
