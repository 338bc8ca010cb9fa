package decide

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
)

// EchoRecord counts on how many test tickets a model repeated the hint of its
// prompt, both when it was right and when it was its opposite.
type EchoRecord struct {
	Asked    int `json:"asked"`
	Followed int `json:"followed"`
}

// Follows reports whether the model repeats whatever it is told: on every ticket.
// One that can be talked into a single answer still reads the others.
func (r EchoRecord) Follows() bool {
	return r.Asked >= len(prompts.EchoTickets) && r.Followed == r.Asked
}

// Words says so.
func (r EchoRecord) Words() string {
	return fmt.Sprintf("local: its answers follow the prompt's hint, %d of %d times", r.Followed, r.Asked)
}

// echoTime bounds one question of the measurement.
const echoTime = 2 * time.Minute

func echoKey(ctx context.Context, d *deps.Deps) guard.Key {
	return guard.Key{Class: guard.EchoClass, Digest: GuardDigest(ctx, d)}
}

// Echo is the record of the local model that would be asked now. A journal that
// cannot be read has none, and is warned of elsewhere; a record that no measurement
// can lead to is none.
func Echo(ctx context.Context, d *deps.Deps) (r EchoRecord) {
	state, _ := d.Journal.Echo(ctx, echoKey(ctx, d))
	if json.Unmarshal(state, &r) != nil || r.Followed < 0 || r.Followed > r.Asked || r.Asked > len(prompts.EchoTickets) {
		return EchoRecord{}
	}
	return r
}

// withoutEcho is the route for a question whose answer is the model's word alone:
// past a local model that only repeats hints. ask is false where nobody else may
// be asked.
func withoutEcho(ctx context.Context, d *deps.Deps, route policy.Route) (to policy.Route, why string, ask bool) {
	if route == policy.OnlyCloud {
		return route, "", true
	}
	r := Echo(ctx, d)
	if !r.Follows() {
		return route, "", true
	}
	return policy.OnlyCloud, r.Words(), route == policy.Auto && d.PaidTier
}

// startEcho measures the local model in the background, once it has answered and
// the session is quiet, where the journal has no whole measurement of it.
func startEcho(d *deps.Deps) {
	if d.EchoAfter <= 0 || d.Finish == nil || !d.Echoing.CompareAndSwap(false, true) {
		return
	}
	d.Finish.Go(func(ctx context.Context) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(d.EchoAfter):
		}
		_, err := contract.Safely(func() (EchoRecord, error) { return MeasureEcho(ctx, d) })
		if err != nil && ctx.Err() == nil {
			d.Log.Debug("hints not measured, another answer starts again", "err", err)
			d.Echoing.Store(false)
		}
	})
}

// MeasureEcho asks about the test tickets that were not asked about yet, and keeps
// the record after each.
func MeasureEcho(ctx context.Context, d *deps.Deps) (EchoRecord, error) {
	key := echoKey(ctx, d)
	r := Echo(ctx, d)
	for r.Asked < len(prompts.EchoTickets) {
		followed := true
		for _, hint := range prompts.EchoHints {
			said, err := askEcho(ctx, d, prompts.EchoTickets[r.Asked], hint)
			if err != nil {
				return r, err
			}
			followed = followed && said == hint
		}
		r.Asked++
		if followed {
			r.Followed++
		}
		state, _ := json.Marshal(r) // numbers always marshal
		if err := d.Journal.SaveEcho(ctx, key, state); err != nil {
			return r, err
		}
	}
	return r, nil
}

func askEcho(ctx context.Context, d *deps.Deps, t prompts.EchoTicket, hint string) (complexity string, err error) {
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
