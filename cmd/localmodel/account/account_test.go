package account

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// history fills a real journal, with a clock of its own.
type history struct {
	t     *testing.T
	store *statestore.Store
	clock journaltest.Clock
}

func newHistory(t *testing.T, start string) *history {
	t.Helper()
	h := &history{t: t}
	h.at(start)
	h.store = statestore.New(journal.Options{Project: "test", State: filepath.Join(t.TempDir(), "journal.db"),
		Now: h.clock.Now})
	t.Cleanup(func() { h.store.Close() })
	return h
}

func (h *history) at(when string) {
	h.t.Helper()
	now, err := time.Parse(time.RFC3339, when)
	if err != nil {
		h.t.Fatal(err)
	}
	h.clock.Set(now)
}

func (h *history) call(c calls.Call) {
	h.t.Helper()
	c.At = h.clock.Now()
	if c.Result == "" {
		c.Result = "ok"
	}
	if err := h.store.Calls.Add(context.Background(), c); err != nil {
		h.t.Fatal(err)
	}
	h.clock.Add(time.Second)
}

func (h *history) open(ticket, class, plan string) {
	h.t.Helper()
	p := statestore.Plan{TicketID: ticket, ByLocal: true, Key: guard.Key{Class: class, Digest: "d/1"}, Text: plan, Model: "qwen3:8b"}
	if _, err := h.store.RecordPlan(context.Background(), p); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) gate(ticket, gate string, pass bool, quality float64, evidence string) {
	h.t.Helper()
	o := statestore.Outcome{TicketID: ticket, Gate: policy.Gate(gate), Outcome: policy.Fail, Evidence: evidence}
	if pass {
		o.Outcome = policy.Pass
	}
	if quality > 0 {
		o.Quality = &quality
	}
	if _, err := h.store.Record(context.Background(), o, nil); err != nil {
		h.t.Fatal(err)
	}
	h.clock.Add(time.Second)
}

func (h *history) report(since time.Time) Report {
	h.t.Helper()
	r, err := read(context.Background(), h.store, policy.Cheap, since, h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func local(purpose, ticket string, in, out int) calls.Call {
	return calls.Call{Purpose: purpose, TicketID: ticket, Tier: "local", Model: "qwen3:8b", TokensIn: in, TokensOut: out}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-8 }

// Prices: cheap takes $1 in and $5 out a million tokens, balanced $3 in.
func TestMoneyByHand(t *testing.T) {
	h := newHistory(t, "2026-11-02T10:00:00Z") // a Monday
	// A is done: (1000*1 + 10*5)/1e6 = .00105, and (2000*1 + 500*5)/1e6 = .0045.
	h.call(local("classify", "A", 1000, 10))
	h.call(local("plan", "A", 2000, 500))
	h.open("A", "low", "plan of A")
	h.gate("A", "review", true, 90, "")
	h.gate("A", "commit", true, 0, "")
	// B is escalated in the week after: its plan was worth (3000*1 + 600*5)/1e6
	// = .006 and is taken off again, and 800 + 2*400 characters are handed
	// over: 400 tokens at $3 a million, .0012.
	h.at("2026-11-10T10:00:00Z")
	h.call(local("plan", "B", 3000, 600))
	h.open("B", "medium", strings.Repeat("p", 800))
	h.gate("B", "lint", false, 0, strings.Repeat("e", 400))
	h.gate("B", "lint", false, 40, strings.Repeat("e", 400))
	// C's first reply was refused: the cheap tier answered a second later.
	h.call(local("classify", "C", 700, 8))
	h.call(calls.Call{Purpose: "classify", TicketID: "C", Tier: "cheap", Model: "haiku", TokensIn: 650, TokensOut: 9, Paid: true, CostUSD: .0007, Estimated: true})
	h.call(calls.Call{Purpose: "classify", TicketID: "C", Tier: "balanced", Paid: true, Result: "unavailable"})
	h.call(calls.Call{Purpose: "classify", TicketID: "E", Tier: "local", TokensIn: 50, Result: "timeout"})
	// D is open: (4000*1 + 200*5)/1e6 = .005, in no other figure.
	h.call(local("plan", "D", 4000, 200))
	h.open("D", "low", "plan of D")

	r := h.report(time.Time{})
	s := r.Savings
	if !near(s.GrossUSD, .01155) || !near(s.WastedUSD, .0072) || !near(s.NetUSD, .00435) || !near(s.OpenUSD, .005) {
		t.Errorf("gross %v, wasted %v, net %v, open %v", s.GrossUSD, s.WastedUSD, s.NetUSD, s.OpenUSD)
	}
	// Kept: A's 1010 and 2500. Wasted: B's 3600, C's 708, E's 50.
	if s.Answers != 2 || s.Tokens != 3510 || s.WastedTokens != 4358 || s.PricesDate != prices.Date {
		t.Errorf("%+v", s)
	}
	if want := (Calls{Local: 6, LocalFailed: 1, Paid: 1, PaidFailed: 1, PaidUSD: .0007, EstimatedUSD: .0007}); r.Calls != want {
		t.Errorf("calls %+v", r.Calls)
	}
	if r.Tickets.K != 1 || r.Tickets.N != 2 || r.Open != 1 || r.QualityN != 2 || *r.Quality != 65 {
		t.Errorf("tickets %+v, open %d, quality %v of %d", r.Tickets, r.Open, *r.Quality, r.QualityN)
	}
	if d := cmp.Diff([]Gate{{"lint", 1}}, r.Gates); d != "" {
		t.Error(d)
	}
	var lines []string
	for _, row := range append(r.Complexities, r.Models...) {
		lines = append(lines, row.Name)
	}
	if d := cmp.Diff([]string{"low", "medium", "qwen3:8b"}, lines); d != "" {
		t.Error(d)
	}
	want := []Week{{Start: "2026-11-02", Done: 1, NetUSD: .00555}, {Start: "2026-11-09", Escalated: 1, NetUSD: -.0012}}
	if d := cmp.Diff(want, r.Weeks, cmp.Comparer(near)); d != "" {
		t.Error(d)
	}
}

func TestSinceLeavesTheRestOut(t *testing.T) {
	h := newHistory(t, "2026-09-01T10:00:00Z")
	for range 2 {
		h.call(local("plan", "A", 1000, 0))
		h.open("A", "low", "p")
		h.gate("A", "commit", true, 0, "")
		h.at("2026-11-20T10:00:00Z")
	}
	if all := h.report(time.Time{}); all.Tickets.N != 2 || len(all.Weeks) != 12 || !near(all.Savings.NetUSD, .002) {
		t.Errorf("all: %+v", all)
	}
	if late := h.report(h.clock.Now().AddDate(0, 0, -7)); late.Tickets.N != 1 || len(late.Weeks) != 1 || !near(late.Savings.NetUSD, .001) {
		t.Errorf("late: %+v", late)
	}
}

func TestWhatTheScriptsHadCountedIsSaid(t *testing.T) {
	b := newBook(policy.Cheap, time.Time{})
	r := b.report(projection.Stats{SuccessCount: 5, EscalatedToCloud: 2}, time.Now())
	if r.Imported != (Imported{5, 2}) || r.Tickets.N != 0 {
		t.Errorf("%+v", r)
	}
}

func TestFiguresCount(t *testing.T) {
	b := newBook(policy.Cheap, time.Time{})
	hour := time.Date(2026, 5, 6, 9, 0, 0, 0, time.UTC)
	for _, f := range []statestore.Figures{
		{Hour: hour, Class: "low", Model: "m", N: 3, QualitySum: 240, QualityN: 3},
		{Hour: hour, Class: "low", Model: "m", Gate: policy.Review, N: 1, HandOffChars: 9000},
	} {
		b.attempts(f)
	}
	r := b.report(projection.Stats{SuccessCount: 3, EscalatedToCloud: 1}, time.Now())
	// One hand-off of at most 1,000 tokens at $3 a million.
	if r.Tickets.K != 3 || r.Tickets.N != 4 || *r.Quality != 80 || !near(r.Savings.NetUSD, -.003) || r.Imported != (Imported{}) || r.Weeks[0].Start != "2026-05-04" {
		t.Errorf("%+v", r)
	}
}

// Rows are in the journal in the order in which calls end, so a long one has a later id than the
// short ones that began after it.
func TestLinesAreInOrderOfTime(t *testing.T) {
	h := newHistory(t, "2026-11-02T10:00:00Z")
	start := h.clock.Now()
	logged := func(after time.Duration, took time.Duration, tier, ticket, purpose, result string) {
		h.clock.Set(start.Add(after))
		h.call(calls.Call{Purpose: purpose, TicketID: ticket, Tier: tier, Model: "m", MS: took.Milliseconds(),
			Paid: tier != "local", Result: result})
	}
	// The cheap call is written first: the local one took long to be given up.
	logged(40*time.Second, time.Second, "cheap", "A", "plan", "unavailable")
	logged(0, 40*time.Second, "local", "A", "plan", "timeout")
	logged(41*time.Second, time.Second, "balanced", "A", "plan", "ok")
	// Asked again later, and asked without a ticket: other questions.
	logged(200*time.Second, time.Second, "local", "C", "plan", "busy")
	logged(500*time.Second, time.Second, "cheap", "C", "plan", "ok")
	logged(600*time.Second, time.Second, "local", "", "ask", "busy")
	logged(602*time.Second, time.Second, "cheap", "", "ask", "ok")
	// The local model is asked again when the others have failed.
	logged(700*time.Second, time.Second, "cheap", "D", "plan", "busy")
	logged(701*time.Second, time.Second, "local", "D", "plan", "ok")
	want := []string{
		"0s A free timeout", "40s A cheap unavailable: local: timeout", "41s A balanced ok: cheap: unavailable",
		"3m20s C free busy", "8m20s C cheap ok",
		"10m0s  free busy", "10m2s  cheap ok", "11m40s D cheap busy", "11m41s D free ok",
	}
	for _, since := range []time.Duration{0, 40 * time.Second} {
		var out strings.Builder
		if err := WriteLines(t.Context(), h.store, &out, "jsonl", start.Add(since)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for text := range strings.Lines(out.String()) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, l.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			row := fmt.Sprintf("%s %s %s %s", at.Sub(start), l.TicketID, l.ModelAlias, l.Status)
			if l.EscalationReason != nil {
				row += ": " + *l.EscalationReason
			}
			got = append(got, row)
		}
		expected := want
		if since > 0 {
			expected = slices.Clone(want[1:])
			expected[0] = "40s A cheap unavailable" // what it followed is not read
		}
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("since %s (-want +got):\n%s", since, d)
		}
	}
}

// More rows than a page, all of one millisecond: none is lost or repeated.
func TestLinesOfOneMoment(t *testing.T) {
	h := newHistory(t, "2026-11-02T10:00:00Z")
	const n = 1203
	start := h.clock.Now()
	for i := range n {
		h.clock.Set(start.Add(time.Duration(i/600) * time.Millisecond))
		h.call(local("classify", fmt.Sprint("T-", i), 1, 1))
	}
	var out strings.Builder
	if err := WriteLines(t.Context(), h.store, &out, "csv", time.Time{}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		seen[strings.Split(line, ",")[3]] = true
	}
	if got := strings.Count(out.String(), "\n"); got != n+1 || len(seen) != n+1 {
		t.Errorf("%d lines, %d tickets, want %d of each", got, len(seen), n+1)
	}
}

// TestDrafts_FromPlanToCommit holds what is counted of drafts, and that only
// one that was committed as it was saved anything.
func TestDrafts_FromPlanToCommit(t *testing.T) {
	h := newHistory(t, "2026-11-02T10:00:00Z")
	for i, row := range []struct {
		ready, verified bool
		use             policy.DraftUse
		commit          bool
	}{
		{true, true, policy.DraftApplied, true},
		{true, true, policy.DraftApplied, false},
		{true, false, policy.DraftEdited, true},
		{true, false, policy.DraftDiscarded, true},
		{true, false, "", true},
		{false, false, "", true},
	} {
		ticket := fmt.Sprint("T-", i)
		h.call(local("draft", ticket, 1000, 500))
		d := drafts.Draft{ID: "d", TicketID: ticket, Key: guard.Key{Class: "low", Category: "BUG", Digest: "d/1"},
			Ready: row.ready, Verified: row.verified, Tokens: 400}
		for range 2 { // reported twice, counted once
			if err := h.store.RecordDraft(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		h.open(ticket, "low", "plan")
		if _, err := h.store.Record(t.Context(), statestore.Outcome{TicketID: ticket, Gate: policy.Implement, Outcome: policy.Pass,
			Draft: row.use}, nil); err != nil {
			t.Fatal(err)
		}
		if row.commit {
			h.gate(ticket, "commit", true, 0, "")
			h.gate(ticket, "commit", true, 0, "") // counted once
		}
	}
	r := h.report(time.Time{})
	want := Drafts{Written: 6, Ready: 5, Verified: 2, Applied: 2, Edited: 1, Discarded: 1, Kept: 2, TokensNotSpent: 400}
	if diff := cmp.Diff(want, r.Drafts); diff != "" {
		t.Error(diff)
	}
	if s := r.Savings; !near(s.GrossUSD, 400*5/1e6) || s.Answers != 0 {
		t.Errorf("saved %v by %d answers, want 400 tokens at $5 a million and no answer", s.GrossUSD, s.Answers)
	}
	var text strings.Builder
	r.Print(&text, false)
	if words := strings.Join(strings.Fields(text.String()), " "); !strings.Contains(words, "2 kept to the commit, 400 tokens that the cloud did not write") {
		t.Errorf("stats says:\n%s", text.String())
	}
	var page strings.Builder
	for _, s := range r.Page().Sections {
		fmt.Fprintln(&page, s.Title, s.Table)
	}
	if !strings.Contains(page.String(), "Drafts") || !strings.Contains(page.String(), "tokens the cloud did not write 400") {
		t.Errorf("the page has %s", page.String())
	}
}

// TestPrint_Nothing holds that a report without a figure prints none.
func TestPrint_Nothing(t *testing.T) {
	r := Report{Tickets: figures.ShareOf(0, 0)}
	var none, some strings.Builder
	r.Print(&none, false)
	if got := none.String(); strings.Contains(got, "$") || !strings.Contains(got, "nothing was paid. localmodel demo shows a session.") {
		t.Errorf("nothing: %s", got)
	}
	r.Calls.Local = 1
	r.Print(&some, false)
	if !strings.Contains(some.String(), "1 local calls") {
		t.Errorf("a call: %s", some.String())
	}
}
