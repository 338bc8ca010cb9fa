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
	Group  bool // a group of the proxy, not a model of Ollama
	Route  policy.Route
	Asker  Asker
	Digest string // of its weights; Ready fills it
	// Sampling is how plans are drawn; Setting names it, "" = as plan_ticket does.
	Sampling routing.Sampling
	Setting  string
}

// Paid reports whether asking it costs money.
func (m *Model) Paid() bool { return m.Tier != policy.Local }

// Ready looks whether a model is there. Nothing is paid for.
func (m *Model) Ready(ctx context.Context) error {
	h := m.Asker.Health(ctx, false)
	if m.Group {
		group := string(m.Tier)
		if m.Tier == policy.Local {
			group = "free"
		}
		switch {
		case h.Proxy.Error != "" && len(h.Proxy.Models) == 0:
			return fmt.Errorf("%s: %s; %s", m.Name, h.Proxy.Error, h.Proxy.Fix)
		case !slices.Contains(h.Proxy.Models, group):
			return fmt.Errorf("%s: the proxy has no model group %s; it has %s", m.Name, group, strings.Join(h.Proxy.Models, ", "))
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
	var out []task
	for _, m := range p.Models {
		left := p.Plans
		kinds := []string{"classify", "plan"}
		if p.OnlyPlan {
			kinds = kinds[1:]
		}
		for _, kind := range kinds {
			for i := range p.Set.Tickets {
				t := &p.Set.Tickets[i]
				if kind == "plan" {
					if left == 0 || len(t.Files)+len(t.Criteria) == 0 {
						continue
					}
					left--
				}
				want := Result{Task: kind, Model: m.Name, Digest: m.Digest, Prompt: prompts.Version, Hash: t.Hash, Ticket: t.ID}
				if kind == "plan" {
					want.Setting = m.Setting
				}
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
		req, _, err := p.request(ctx, t)
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

// outcome collects what the acceptance check saw of a plan.
type outcome struct {
	seen     int
	coverage *prompts.Coverage
	content  *prompts.Content
	defects  []string // of the first reply
}

// request describes a task as a question.
func (p Plan) request(ctx context.Context, t task) (routing.Request, *outcome, error) {
	seen := &outcome{}
	if t.want.Task == "classify" {
		q := prompts.ClassifyQuestion{Ticket: t.ticket.Hidden(), Categories: p.Set.Categories(), Complexity: true}
		user, err := prompts.Classify(q)
		return routing.Request{Purpose: "classify", System: prompts.System, User: user, Remote: q.Remote,
			Schema: q.Schema(), MaxTokens: prompts.MaxClassifyTokens,
			ConfidenceFields: q.Fields(), Accept: func(text []byte) error { _, err := q.Parse(text); return err }}, seen, err
	}
	return p.planRequest(ctx, t, seen)
}

// planRequest is what plan_ticket asks, present text of the files included.
func (p Plan) planRequest(ctx context.Context, t task, seen *outcome) (routing.Request, *outcome, error) {
	q, user, most, err := plan.Ask(ctx, &deps.Deps{Root: p.Root, NumCtx: p.NumCtx}, t.ticket.Ticket)
	asked := q // as the tier that is asked sees it
	sampling := t.model.Sampling
	sampling.Free = true
	return routing.Request{Purpose: "plan", System: prompts.System, User: user, Remote: func() (string, []string) {
		remote, words := q.Remote()
		asked = remote
		text, _ := prompts.Plan(remote) // it fails where the whole question does
		return text, words
	}, Schema: q.Schema(), MaxTokens: most, Sampling: sampling, Patient: !t.model.Paid(),
		Accept: func(text []byte) error {
			err := asked.Accept(text)
			seen.look(q, text, err)
			return err
		},
		Repair: func(_ []byte, defects error) string { return asked.Repair(defects) }}, seen, err
}

// look notes what a reply is worth; the defects of the first one count, and the
// content of the last.
func (o *outcome) look(q prompts.PlanQuestion, text []byte, verdict error) {
	o.seen++
	var defects *prompts.Defects
	switch {
	case o.seen > 1 || verdict == nil:
	case errors.As(verdict, &defects):
		o.defects = defects.List[:min(len(defects.List), mostDefects)]
	default:
		o.defects = []string{verdict.Error()}
	}
	reply, err := q.Parse(text)
	if err != nil {
		return
	}
	cover := q.Covers(reply)
	content := q.ContentOf(reply)
	o.coverage, o.content = &cover, &content
}

// Progress hears what is done of what there is, in the weight of tasks.
type Progress func(done, total float64, label string)

// Stopped is a run that could not go on with a model.
type Stopped struct {
	Model  string
	Reason string
}

func (s *Stopped) Error() string { return s.Model + ": " + s.Reason }

// patience is how many failures in a row, that say nothing of the model, stop a
// run.
const patience = 3

// Run asks what is not in the results yet. It returns every result of the
// plan; on an error, those there are, of earlier runs too.
func (p Plan) Run(ctx context.Context, done *Results, report Progress) ([]Result, error) {
	tasks := p.tasks()
	var have, total float64
	for _, t := range tasks {
		total += t.weight()
		if _, found := done.find(t.want); found {
			have += t.weight()
		}
	}
	var out []Result
	var warm *Model
	failures := 0
	for i, t := range tasks {
		if r, found := done.find(t.want); found {
			out = append(out, r)
			continue
		}
		if warm != t.model {
			warm, failures = t.model, 0
			p.warmUp(ctx, t.model)
		}
		report(have, total, fmt.Sprintf("%s %s %s", column(t.model.Name, t.model.Setting), t.want.Task, t.ticket.ID))
		r, err := p.ask(ctx, t)
		if err == nil {
			err = done.add(r)
		}
		if err != nil {
			return append(out, done.of(tasks[i:])...), err
		}
		if slices.Contains(passing, r.Failed) {
			if failures++; failures >= patience {
				return append(out, done.of(tasks[i:])...), &Stopped{t.model.Name, r.Reason}
			}
		} else {
			failures = 0
		}
		out = append(out, r)
		have += t.weight()
	}
	report(total, total, "done")
	return out, nil
}

// warmUp loads a local model, so that no answer's time has the load in it.
func (p Plan) warmUp(ctx context.Context, m *Model) {
	if !m.Group {
		m.Asker.Health(ctx, true)
	}
}

func (p Plan) ask(ctx context.Context, t task) (Result, error) {
	req, seen, err := p.request(ctx, t)
	if err != nil {
		return Result{}, err
	}
	limited, stop := context.WithTimeout(ctx, p.Deadline)
	defer stop()
	r := t.want
	r.At = time.Now().UTC()
	a, err := t.model.Asker.Complete(limited, t.model.Route, req)
	r.MS = time.Since(r.At).Milliseconds()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	attempts := a.Attempts
	var unanswered *routing.Unanswered
	switch {
	case errors.As(err, &unanswered):
		attempts = unanswered.Attempts
		r.Failed, r.Reason = routing.Unavailable, unanswered.Reason()
		if n := len(attempts); n > 0 {
			r.Failed = attempts[n-1].Kind
		}
	case err != nil:
		r.Failed, r.Reason = routing.Timeout, "no answer within "+p.Deadline.String()
	case r.Task == "classify":
		reply, err := prompts.ClassifyQuestion{Categories: p.Set.Categories(), Complexity: true}.Parse(a.Text)
		if err != nil {
			return r, fmt.Errorf("an accepted reply does not parse: %w", err)
		}
		r.Category, r.Complexity, r.Confidence = reply.Category, reply.Complexity, a.Confidence
	}
	for _, at := range attempts {
		r.TokensIn, r.TokensOut, r.CostUSD = r.TokensIn+at.TokensIn, r.TokensOut+at.TokensOut, r.CostUSD+at.CostUSD
	}
	r.Estimated = a.CostEstimated
	r.Coverage, r.Repaired = seen.coverage, seen.seen > 1 && r.Failed == ""
	r.Content, r.Defects = seen.content, seen.defects
	return r, nil
}
