package tools

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/background"
)

// slowModel writes a plan that is through when it is told, whatever the time of
// the call.
type slowModel struct {
	script
	begun  atomic.Int64
	finish chan struct{}
}

const slowPlan = `{"files":{"a.go":{"action":"modify","where":"package a","what":"Sum each item with a running total of cents.","approach":""}},` +
	`"criteria":{"AC-1":{"file":"a_test.go","name":"TestSum","checks":"The total of two items."}},"risk":""}`

func newSlowModel() *slowModel {
	m := &slowModel{finish: make(chan struct{})}
	m.complete = func(ctx context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		m.begun.Add(1)
		if req.Progress != nil {
			req.Progress("writing", 40, req.MaxTokens)
		}
		select {
		case <-ctx.Done():
			return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{{Tier: policy.Local, Kind: routing.Timeout, Reason: "no whole answer"}}}
		case <-m.finish:
		}
		if err := req.Accept([]byte(slowPlan)); err != nil {
			return routing.Answer{}, err
		}
		return routing.Answer{Text: []byte(slowPlan), Tier: policy.Local, Model: "slow", Attempts: []routing.Attempt{{Tier: policy.Local}}}, nil
	}
	return m
}

func planSlowly(t *testing.T, m *slowModel, change func(*Deps)) (*bench, func(limit time.Duration, route string) string) {
	t.Helper()
	b := newBench(t, &m.script)
	b.write("a.go", "package a\n")
	b.Finish = background.New(t.TempDir())
	t.Cleanup(b.Finish.Close)
	change(b.Deps)
	return b, func(limit time.Duration, route string) string {
		b.Deadline = limit
		r := b.run("plan_ticket", map[string]any{"ticket": states, "route": route})
		return r.Raw
	}
}

// A plan that is not through at the deadline goes on where nobody else may
// answer; the same call again gets it, and the attempt is the local model's.
func TestPlan_OutlivesItsCall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Deps)
		route  string
	}{
		"route local":  {func(d *Deps) { d.PaidTier = true }, "local"},
		"no paid tier": {func(*Deps) {}, "auto"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for its deadline
			m := newSlowModel()
			b, plan := planSlowly(t, m, c.change)
			first := plan(4*time.Second, c.route)
			for _, want := range []string{`"state":"writing"`, "40 of at most", "with the same arguments"} {
				if !strings.Contains(first, want) {
					t.Errorf("%q is not in %s", want, first)
				}
			}
			if strings.Contains(first, `"plan"`) {
				t.Errorf("there is a plan already: %s", first)
			}
			close(m.finish)
			second := plan(time.Minute, c.route)
			if !strings.Contains(second, "running total") || strings.Contains(second, `"state"`) || m.begun.Load() != 1 {
				t.Errorf("after %d beginnings: %s", m.begun.Load(), second)
			}
			if state, err := b.Journal.TicketState(t.Context(), "BUG-7"); err != nil || state.Phase != policy.PhaseLocal {
				t.Errorf("the ticket is %+v, %v; want it local's", state, err)
			}
		})
	}
}

// Where a paid tier may answer nothing goes on behind the call's back.
func TestPlan_PaidTierEndsWithItsCall(t *testing.T) {
	t.Parallel()
	m := newSlowModel()
	_, plan := planSlowly(t, m, func(d *Deps) { d.PaidTier = true })
	if got := plan(4*time.Second, "auto"); !strings.Contains(got, `"by":"template"`) {
		t.Errorf("got %s", got)
	}
}
