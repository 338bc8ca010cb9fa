package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/background"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
)

// ending is how a question ended, as it is kept for the call that comes back
// for it.
type ending struct {
	Answer     *routing.Answer     `json:"answer,omitempty"`
	Unanswered *routing.Unanswered `json:"unanswered,omitempty"`
}

// finish asks as Asker.Complete does. Where only the local tier may answer, an
// answer that is not through at the deadline is not thrown away: unfinished says
// how far it is, the model goes on, and the same question again waits for it.
func finish(ctx context.Context, d *deps.Deps, route policy.Route, req routing.Request) (routing.Answer, *background.Status, error) {
	if d.Finish == nil || route == policy.OnlyCloud || route == policy.Auto && d.PaidTier {
		a, err := d.Asker.Complete(ctx, route, req)
		return a, nil, err
	}
	req.Patient = true
	report := req.Progress
	event, _ := d.Journal.NextEventID(ctx, req.TicketID, policy.Plan) // a plan that failed its gate is another question
	key := background.Key(prompts.Version, d.Model, d.Root, req.TicketID, event, string(route), req.User, string(req.Schema))
	text, unfinished, err := d.Finish.Do(ctx, key, func(ctx context.Context, p background.Progress) (json.RawMessage, error) {
		req.Progress = p
		a, err := contract.Safely(func() (routing.Answer, error) { return d.Asker.Complete(ctx, route, req) })
		var none *routing.Unanswered
		switch {
		case err == nil:
			return json.Marshal(ending{Answer: &a})
		case errors.As(err, &none):
			return json.Marshal(ending{Unanswered: none})
		}
		return nil, err
	}, background.Progress(report))
	if err != nil || unfinished != nil {
		return routing.Answer{}, unfinished, err
	}
	var e ending
	err = json.Unmarshal(text, &e)
	switch {
	case err != nil:
		return routing.Answer{}, nil, fmt.Errorf("kept answer: %w", err)
	case e.Unanswered != nil:
		return routing.Answer{}, nil, e.Unanswered
	case e.Answer == nil:
		return routing.Answer{}, nil, errors.New("kept answer: it is empty")
	case req.Accept(e.Answer.Text) != nil:
		// The project changed meanwhile, or the file is not ours.
		return routing.Answer{}, nil, &routing.Unanswered{Closed: "local: the plan that was written meanwhile is no longer acceptable"}
	}
	return *e.Answer, nil, nil
}

// stateWriting is the state of an answer that is still being written.
const stateWriting = "writing"

// writing reports a plan that is not through yet.
func (r *Result) writing(s *background.Status) {
	r.State, r.By, r.Owner = stateWriting, string(policy.Local), policy.OwnerLocal
	took := s.Elapsed.Round(time.Second)
	switch {
	case s.Elsewhere:
		r.Summary = fmt.Sprintf("%s: another window's local model is writing this plan; waited %s", r.ID, took)
	case s.Tokens == 0:
		r.Summary = fmt.Sprintf("%s: the local model is reading the ticket since %s; nothing is written yet", r.ID, took)
	default:
		left := time.Duration(float64(s.Elapsed) / float64(s.Tokens) * float64(max(s.Budget-s.Tokens, 0))).Round(time.Second)
		r.Summary = fmt.Sprintf("%s: the local model is writing: %d of at most %d tokens in %s, at most about %s more", r.ID, s.Tokens, s.Budget, took, left)
	}
	r.Next = "Call plan_ticket again with the same arguments: it waits for this plan and returns it. Nothing is lost meanwhile."
}
