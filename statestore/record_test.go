package statestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// The whole contract of keys, in order, on one ticket and on another.
func TestKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := newStore(t, o)
		q := func(v float64) *float64 { return &v }
		first := Outcome{TicketID: "T", Gate: "lint", Outcome: policy.Fail, Route: "local", EventID: "T:lint:1", Quality: q(70), Evidence: "e1"}
		use := Outcome{TicketID: "T", Gate: "plan", Outcome: policy.Pass, ToolUseID: "toolu_1"}
		none := Outcome{TicketID: "T", Gate: "plan", Outcome: policy.Pass}
		both := Outcome{TicketID: "T", Gate: "plan", Outcome: policy.Pass, EventID: "mine", ToolUseID: "toolu_1"}
		other := first
		other.TicketID = "U"
		change := func(o Outcome, fn func(*Outcome)) Outcome { fn(&o); return o }
		for i, step := range []struct {
			what     string
			o        Outcome
			repeated bool
			conflict bool
			next     string
		}{
			{"first", first, false, false, "T:lint:2"},
			{"again", first, true, false, "T:lint:2"},
			{"another gate under the key", change(first, func(o *Outcome) { o.Gate = "review" }), false, true, ""},
			{"another outcome under the key", change(first, func(o *Outcome) { o.Outcome = policy.Pass }), false, true, ""},
			{"another route under the key", change(first, func(o *Outcome) { o.Route = "" }), false, true, ""},
			{"another score under the key", change(first, func(o *Outcome) { o.Quality = q(71) }), false, true, ""},
			{"no score under the key", change(first, func(o *Outcome) { o.Quality = nil }), false, true, ""},
			{"other evidence under the key", change(first, func(o *Outcome) { o.Evidence = "e2" }), false, true, ""},
			{"again by another tool use", change(first, func(o *Outcome) { o.ToolUseID = "toolu_9" }), true, false, "T:lint:2"},
			{"the same key of another ticket", other, false, false, "U:lint:2"},
			{"by tool use", use, false, false, "T:implement:1"},
			{"by tool use again", use, true, false, "T:implement:1"},
			{"the event id goes before the tool use", both, false, false, "T:implement:1"},
			{"without a key", none, false, false, "T:implement:1"},
			{"without a key again", none, false, false, "T:implement:1"},
			{"an id ahead of its time", change(none, func(o *Outcome) { o.EventID = "T:plan:5" }), false, false, "T:implement:1"},
			{"the next id skips it", change(none, func(o *Outcome) { o.EventID = "x"; o.Outcome = policy.Fail }), false, false, "T:plan:7"},
		} {
			r, err := s.Record(ctx, step.o, nil)
			if got := errors.Is(err, ErrConflict); got != step.conflict || (err != nil && !got) {
				t.Fatalf("%d %s: error %v, want conflict %t", i, step.what, err, step.conflict)
			}
			if r.Repeated != step.repeated || r.NextEventID != step.next {
				t.Errorf("%d %s: repeated %t, next %q; want %t, %q", i, step.what, r.Repeated, r.NextEventID, step.repeated, step.next)
			}
		}
		if n := countOutcomes(t, s, "T"); n != 7 {
			t.Errorf("outcomes of T: %d, want 7: a conflict or a repetition was counted", n)
		}
	})
}

func countOutcomes(t testing.TB, s *Store, ticket string) (n int) {
	t.Helper()
	query(t, s, &n, `SELECT COUNT(*) FROM outcomes WHERE ticket = ?`, ticket)
	return n
}

// A repetition gets the answer of the first time, the hand-off's material
// included, whatever happened since.
func TestRepeatedAnswersAsFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		s := newStore(t, o)
		record(t, s, out("T review fail local #1"))
		second := out("T review fail #2")
		second.Evidence = "the second"
		first := record(t, s, second)
		record(t, s, out("T commit pass"))
		record(t, s, out("T lint fail local"))
		record(t, s, out("U commit pass local"))
		again := record(t, s, second)
		if !again.Repeated || again.IfNewEventID != "T:review:3" {
			t.Errorf("repeated %t, if new %q; want true, T:review:3", again.Repeated, again.IfNewEventID)
		}
		if again.Stats.SuccessCount != 1 || again.Stats.EscalatedToCloud != 1 {
			t.Errorf("statistics of now: %+v", again.Stats)
		}
		again.Repeated, again.IfNewEventID, again.Stats = false, "", first.Stats
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("(-first +again):\n%s", diff)
		}
		if again.Attempt == nil || len(again.Attempt.Outcomes) != 2 || again.Attempt.Outcomes[1].Evidence != "the second" {
			t.Errorf("the attempt's outcomes: %+v", again.Attempt)
		}
	})
}

// Journeys of a ticket: each line is an outcome and what it brings. The rules
// themselves are policy's.
func TestJourneys(t *testing.T) {
	for _, journey := range []struct{ name, lines string }{
		{"local success", `
			T plan pass local -> continue local/local 0/0
			T implement pass -> continue local/local 0/0
			T lint fail -> retry local/local 0/0
			T lint pass -> continue local/local 0/0
			T review pass -> continue local/local 0/0
			T commit pass -> complete local/local 1/0
			T lint fail -> retry cloud/cloud 1/0`},
		{"the second failure escalates, two more stop", `
			T lint fail local -> retry local/local 0/0
			T review fail -> retry local/local 0/0
			T lint fail -> escalate local/cloud 0/1
			T lint fail -> retry cloud/cloud 0/1
			T lint fail -> stop cloud/cloud 0/1
			T commit pass -> complete cloud/cloud 0/1
			T plan pass local -> continue local/local 0/1
			T commit pass -> complete local/local 1/1`},
		{"the cloud's escalates once and counts nothing", `
			T lint fail -> retry cloud/cloud 0/0
			T lint fail -> escalate cloud/cloud 0/0
			T lint fail -> retry cloud/cloud 0/0
			T lint fail -> stop cloud/cloud 0/0
			T commit pass -> complete cloud/cloud 0/0`},
		{"a commit closes whatever its route", `
			T plan pass local -> continue local/local 0/0
			T commit pass cloud -> complete local/local 1/0`},
	} {
		t.Run(journey.name, func(t *testing.T) {
			s := newStore(t, journal.Options{Root: t.TempDir()})
			for _, line := range strings.Split(strings.TrimSpace(journey.lines), "\n") {
				text, want, _ := strings.Cut(strings.TrimSpace(line), " -> ")
				r := record(t, s, out(text))
				got := fmt.Sprintf("%s %s/%s %d/%d", r.Action, r.Route, r.Owner, r.Stats.SuccessCount, r.Stats.EscalatedToCloud)
				if got != want {
					t.Fatalf("%s: got %s, want %s", text, got, want)
				}
				if escalated := r.Action == policy.Escalate; escalated != (r.EscalateTo == "sonnet") || escalated != (r.Attempt != nil) {
					t.Errorf("%s: %+v", text, r)
				}
			}
		})
	}
}

// A ticket that a rule keeps from the local model stays the cloud's, whatever
// the outcome says.
func TestRecord_RefusedTicket(t *testing.T) {
	s := newStore(t, journal.Options{Root: t.TempDir()})
	d := decisions.Decision{TicketID: "T", Hash: "h", Complexity: "high", Refused: "tag ARCH"}
	if err := s.SaveDecision(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	r := record(t, s, out("T commit pass local"))
	if r.Route != policy.OwnerCloud || r.Stats.TotalAttempts != 0 || !strings.Contains(strings.Join(r.Warnings, ";"), "tag ARCH") {
		t.Errorf("got %+v", r)
	}
}

// A plan of the local model opens the attempt; one attempt lives at a time.
func TestRecordPlan(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		s := newStore(t, o)
		plan := func(text string, local bool) (policy.Decision, int64) {
			t.Helper()
			d, err := s.RecordPlan(ctx, Plan{TicketID: "T", ByLocal: local, By: "template", Key: guard.Key{Class: "low", Digest: "d"}, Text: text, Model: "qwen"})
			if err != nil {
				t.Fatal(err)
			}
			state, err := s.TicketState(ctx, "T")
			if err != nil {
				t.Fatal(err)
			}
			return d, state.Attempt
		}
		d, first := plan("p1", true)
		if !d.OpensAttempt || d.Owner != policy.OwnerLocal || first == 0 {
			t.Errorf("the first plan: %+v, attempt %d", d, first)
		}
		if d, again := plan("p2", true); d.OpensAttempt || again != first {
			t.Errorf("a second plan: %+v, attempt %d, first %d", d, again, first)
		}
		record(t, s, out("T lint fail"))
		r := record(t, s, out("T lint fail"))
		if r.Action != "escalate" || r.Attempt.Plan != "p2" || r.Attempt.Model != "qwen" || len(r.Attempt.Outcomes) != 2 {
			t.Errorf("escalation: %+v, attempt %+v", r, r.Attempt)
		}
		if d, attempt := plan("p3", true); attempt != 0 || d.Owner != policy.OwnerCloud {
			t.Errorf("an attempt opened after the escalation: %+v", d)
		}
		record(t, s, out("T commit pass"))
		if d, attempt := plan("p4", true); attempt == 0 || attempt == first || !d.OpensAttempt {
			t.Errorf("after the commit: %+v, attempt %d", d, attempt)
		}
		if d, attempt := plan("p5", false); attempt == 0 || d.Owner != policy.OwnerLocal {
			t.Errorf("a plan of another tier ended the attempt: %+v", d)
		}
	})
}

// An attempt's quality is the last score given in it; the mean is over closed
// attempts that have one.
func TestQuality(t *testing.T) {
	s := newStore(t, journal.Options{Root: t.TempDir()})
	score := func(text string, v float64) Recorded {
		o := out(text)
		o.Quality = &v
		return record(t, s, o)
	}
	score("A review pass local", 10)
	score("A review pass", 80)
	if st := mustStats(t, s); st.AvgQualityScore != 0 {
		t.Errorf("an open attempt counted: %v", st.AvgQualityScore)
	}
	record(t, s, out("A commit pass"))
	record(t, s, out("B commit pass local")) // none
	score("C review fail local", 40)
	score("C review fail", 50)
	score("D review pass", 1) // the cloud's
	if st := mustStats(t, s); st.AvgQualityScore != 65 {
		t.Errorf("mean %v, want (80+50)/2 = 65", st.AvgQualityScore)
	}
}

// Texts that a database would refuse are stored, alike in both.
func TestOddTexts(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		s := newStore(t, o)
		odd := Outcome{TicketID: "T?'\"\x00$1", Gate: "lint", Outcome: policy.Fail, Route: "local", EventID: "e\x00?", Evidence: "a\x00b \xff ? $1 '; DROP TABLE outcomes; --"}
		record(t, s, odd)
		if r := record(t, s, odd); !r.Repeated {
			t.Error("the repetition was not recognised")
		}
		odd.EventID = ""
		if r := record(t, s, odd); r.Action != "escalate" || r.Attempt.Outcomes[0].Evidence != "a\uFFFDb \uFFFD ? $1 '; DROP TABLE outcomes; --" {
			t.Errorf("got %+v", r.Attempt)
		}
	})
}

// A canceled call leaves nothing behind.
func TestCanceled(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		s := newStore(t, o)
		record(t, s, out("T lint fail local"))
		ctx, cancel := context.WithCancel(context.Background())
		_, err := s.Record(ctx, out("T lint fail"), func([]byte, Closed) ([]byte, error) {
			cancel() // in the middle of the transaction
			return []byte("{}"), nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want canceled", err)
		}
		if n := countOutcomes(t, s, "T"); n != 1 {
			t.Errorf("%d outcomes, want 1", n)
		}
		if r := record(t, s, out("T lint fail")); r.Action != "escalate" {
			t.Errorf("afterwards: %+v", r)
		}
	})
}

// An error of the step leaves nothing behind either, and comes as it is.
func TestStepFails(t *testing.T) {
	s := newStore(t, journal.Options{Root: t.TempDir()})
	broken := errors.New("broken")
	_, err := s.Record(context.Background(), out("T commit pass local"), func([]byte, Closed) ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) || errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if st := mustStats(t, s); st.TotalAttempts != 0 || countOutcomes(t, s, "T") != 0 {
		t.Errorf("counted: %+v", st)
	}
}

// A clock that jumps back is said once; what was recorded stays in order.
func TestClockJumpsBack(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		c := journaltest.NewClock(2026, 11, 24, 12)
		o.Now = c.Now
		s := newStore(t, o)
		record(t, s, out("T lint fail local"))
		c.Add(-48 * time.Hour)
		second := out("T lint fail")
		second.Evidence = "the second"
		r := record(t, s, second)
		if r.Action != "escalate" || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "48h0m0s behind") {
			t.Errorf("got %s, warnings %q", r.Action, r.Warnings)
		}
		if got := r.Attempt; len(got.Outcomes) != 2 || got.Outcomes[1].Evidence != "the second" {
			t.Errorf("order of outcomes: %+v", got.Outcomes)
		}
		if r := record(t, s, out("U lint fail")); len(r.Warnings) != 0 {
			t.Errorf("said again: %q", r.Warnings)
		}
	})
}
