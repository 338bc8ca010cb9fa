package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/contract"
)

// echoRecord counts on how many test tickets a model repeated the hint of its
// prompt, both when it was right and when it was its opposite.
type echoRecord struct {
	Asked    int `json:"asked"`
	Followed int `json:"followed"`
}

// follows reports whether the model repeats whatever it is told: on every ticket.
// One that can be talked into a single answer still reads the others.
func (r echoRecord) follows() bool {
	return r.Asked >= len(prompts.EchoTickets) && r.Followed == r.Asked
}

func (r echoRecord) words() string {
	return fmt.Sprintf("local: its answers follow the prompt's hint, %d of %d times", r.Followed, r.Asked)
}

// echoTime bounds one question of the measurement.
const echoTime = 2 * time.Minute

func (d *Deps) echoKey(ctx context.Context) statestore.GuardKey {
	return statestore.GuardKey{Class: statestore.EchoClass, Digest: d.guardDigest(ctx)}
}

// echo is the record of the local model that would be asked now. A journal that
// cannot be read has none, and is warned of elsewhere; a record that no measurement
// can lead to is none.
func (d *Deps) echo(ctx context.Context) (r echoRecord) {
	state, _ := d.Journal.Echo(ctx, d.echoKey(ctx))
	if json.Unmarshal(state, &r) != nil || r.Followed < 0 || r.Followed > r.Asked || r.Asked > len(prompts.EchoTickets) {
		return echoRecord{}
	}
	return r
}

// withoutEcho is the route for a question whose answer is the model's word alone:
// past a local model that only repeats hints. ask is false where nobody else may
// be asked.
func (d *Deps) withoutEcho(ctx context.Context, route policy.Route) (to policy.Route, why string, ask bool) {
	if route == policy.OnlyCloud {
		return route, "", true
	}
	r := d.echo(ctx)
	if !r.follows() {
		return route, "", true
	}
	return policy.OnlyCloud, r.words(), route == policy.Auto && d.PaidTier
}

// startEcho measures the local model in the background, once it has answered and
// the session is quiet, where the journal has no whole measurement of it.
func (d *Deps) startEcho() {
	if d.EchoAfter <= 0 || d.Finish == nil || !d.echoing.CompareAndSwap(false, true) {
		return
	}
	d.Finish.Go(func(ctx context.Context) {
		timer := time.NewTimer(d.EchoAfter)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		_, err := contract.Safely(func() (echoRecord, error) { return d.measureEcho(ctx) })
		if err != nil && ctx.Err() == nil {
			d.Log.Debug("hints not measured, another answer starts again", "err", err)
			d.echoing.Store(false)
		}
	})
}

// measureEcho asks about the test tickets that were not asked about yet, and keeps
// the record after each.
func (d *Deps) measureEcho(ctx context.Context) (echoRecord, error) {
	key := d.echoKey(ctx)
	r := d.echo(ctx)
	for r.Asked < len(prompts.EchoTickets) {
		followed := true
		for _, hint := range prompts.EchoHints {
			said, err := d.askEcho(ctx, prompts.EchoTickets[r.Asked], hint)
			if err != nil {
				return r, err
			}
			followed = followed && said == hint
		}
		r.Asked++
		if followed {
			r.Followed++
		}
		state, err := json.Marshal(r)
		if err == nil {
			err = d.Journal.SaveEcho(ctx, key, state)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func (d *Deps) askEcho(ctx context.Context, t prompts.EchoTicket, hint string) (complexity string, err error) {
	q, user, err := prompts.Echo(t, hint)
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(ctx, echoTime)
	defer stop()
	a, err := d.Asker.Complete(ctx, policy.OnlyLocal, routing.Request{
		Purpose: "health", System: prompts.System, User: user, Schema: q.Schema(), MaxTokens: prompts.MaxClassifyTokens,
		Accept: func(text []byte) error { _, err := q.Parse(text); return err }, Background: true,
	})
	if err != nil {
		return "", err
	}
	reply, err := q.Parse(a.Text)
	return reply.Complexity, err
}

// answeredBy notes who was asked; passed is why the local model was not.
func (j judged) answeredBy(a routing.Answer, passed string) judged {
	j.answer, j.estimated = answerOf(a), a.CostEstimated
	j.fallback, j.failed, j.withheld = contract.Join(passed, a.Reason()), a.Attempts, a.Withheld
	if passed != "" {
		j.answer.FellBack, j.answer.Reason = true, j.fallback
	}
	return j
}

// withoutModel is the rules' answer where the model's word is not worth asking for.
func (j judged) withoutModel(why string) judged {
	j.class, j.by, j.fallback = j.class.WithoutModel(), "rules", why
	j.answer = &answer{FellBack: true, Reason: why}
	return j.withGuess()
}
