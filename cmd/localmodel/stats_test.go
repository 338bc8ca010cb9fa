package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/account"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// worked fills the project's journal: BUG-1 is classified and planned locally
// and passes, BUG-2 gets no answer from the local model and is classified by the cheap tier.
func worked(t *testing.T, y *tryout) {
	t.Helper()
	ctx := t.Context()
	clock := journaltest.NewClock(2026, 11, 23, 9)
	s := statestore.New(journal.Options{State: y.env["LOCALMODEL_STATE"], Root: y.root, Now: clock.Now})
	defer s.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		clock.Add(time.Second)
	}
	for _, c := range []calls.Call{
		{Purpose: "classify", TicketID: "BUG-1", Tier: "local", Model: "qwen3:8b", TokensIn: 1000, TokensOut: 10, MS: 800, Result: "ok"},
		{Purpose: "plan", TicketID: "BUG-1", Tier: "local", Model: "qwen3:8b", TokensIn: 2050, TokensOut: 500, MS: 9000, Result: "ok"},
		{Purpose: "classify", TicketID: "BUG-2", Tier: "local", Model: "qwen3:8b", MS: 40000, Result: "timeout"},
		{Purpose: "classify", TicketID: "BUG-2", Tier: "cheap", Model: "claude-haiku-4-5", TokensIn: 900, TokensOut: 11, CostUSD: .000955, Paid: true, MS: 700, Result: "ok"},
	} {
		c.At = clock.Now()
		check(s.Calls.Add(ctx, c))
		if !c.Paid { // written in order, as they were made
			check(s.Flush(ctx))
		}
	}
	_, err := s.RecordPlan(ctx, statestore.Plan{TicketID: "BUG-1", ByLocal: true, Key: guard.Key{Class: "low", Digest: "d/1"}, Text: "plan", Model: "qwen3:8b"})
	check(err)
	quality := 90.0
	_, err = s.Record(ctx, statestore.Outcome{TicketID: "BUG-1", Gate: policy.Commit, Outcome: policy.Pass, Quality: &quality}, nil)
	check(err)
}

func TestStatsForAPerson(t *testing.T) {
	y := newTryout(t)
	delete(y.env, "COLUMNS")
	worked(t, y)
	code, out, said := y.run(t, "stats")
	if code != 0 {
		t.Fatal(said)
	}
	for _, want := range []string{
		"1 of 1 tickets stayed local and passed their gates: 100 % (95 % interval 21 to",
		"low                              1 of 1   100 %  21 to 100 %     90.0",
		"Saved        $0.0056 = $0.0056 not paid to cheap - $0.00 wasted",
		"2 local answers of 3,560 tokens were kept",
		"list prices of 2026-11-23",
		"Paid         $0.0010 for 1 calls",
		"2026-11-23   ████████████████████████████████     1 of 1    $0.0056",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > term.DefaultWidth {
			t.Errorf("too wide: %q", line)
		}
	}
	code, out, _ = y.run(t, "stats", "--json", "--since", "2026-11-24")
	var r account.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Tickets.N != 0 || r.Savings.NetUSD != 0 {
		t.Errorf("%v: %s", err, out)
	}
	if code, _, said := y.run(t, "stats", "--since", "yesterday"); code != 2 || !strings.Contains(said, "30d") {
		t.Errorf("exit %d, %s", code, said)
	}
}

// TestStats_Team holds that on a server the spending of all users and projects
// is reported, and nowhere else.
func TestStats_Team(t *testing.T) {
	y := newTryout(t)
	worked(t, y)
	if code, out, said := y.run(t, "stats"); code != 0 || strings.Contains(out, "Team") {
		t.Errorf("a journal of one user: exit %d\n%s%s", code, out, said)
	}
	y.env["LOCALMODEL_STATE"], y.env["LOCALMODEL_PROJECT"] = pgtest.New(t).Schema(t), "example.org/mine"
	for name, usd := range map[string]float64{"ann": 1.5, "bob": 2.25} {
		s := statestore.New(journal.Options{State: y.env["LOCALMODEL_STATE"], Dir: t.TempDir(), Project: "example.org/" + name, User: name})
		if _, _, err := s.Reserve(t.Context(), "cheap", usd, 5); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, said := y.run(t, "stats"); code != 0 || !strings.Contains(out, "Team         $3.75 spent or reserved by all users") {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
	_, out, _ := y.run(t, "stats", "--json")
	var r account.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.TeamUSD == nil || *r.TeamUSD != 3.75 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestStatsPageIsWholeOrNotThere(t *testing.T) {
	y := newTryout(t)
	worked(t, y)
	file := filepath.Join(y.root, "stats.html")
	if code, _, said := y.run(t, "stats", "--html", file); code != 0 || !strings.Contains(said, "wrote "+file) {
		t.Fatal(said)
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), "</html>") || strings.Contains(string(data), "<script") || strings.Contains(string(data), "http") {
		t.Errorf("%v: %s", err, data)
	}
	if code, _, said := y.run(t, "stats", "--html", filepath.Join(y.root, "nowhere", "stats.html")); code != 1 || !strings.Contains(said, "nowhere") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestExport(t *testing.T) {
	y := newTryout(t)
	worked(t, y)
	code, out, said := y.run(t, "export")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 4 {
		t.Fatalf("%d lines: %s%s", len(lines), out, said)
	}
	// Every key of the schema, in its order, on every line.
	want := `{"timestamp":"2026-11-23T09:00:00Z","workflow":"localmodel","phase":"classify","ticket_id":"BUG-1","model_alias":"free","provider":"ollama",` +
		`"model":"qwen3:8b","input_tokens":1000,"output_tokens":10,"cached_input_tokens":0,"cost_usd":0,"cache_hit":false,"batch_job_id":null,"escalation_reason":null,"status":"ok"}`
	if d := cmp.Diff(want, lines[0]); d != "" {
		t.Error(d)
	}
	if !strings.Contains(lines[2], `"status":"timeout"`) || !strings.Contains(lines[3], `"model_alias":"cheap","provider":"anthropic"`) ||
		!strings.Contains(lines[3], `"cost_usd":0.000955`) || !strings.Contains(lines[3], `"escalation_reason":"local: timeout"`) {
		t.Errorf("got %s\n%s", lines[2], lines[3])
	}
	file := filepath.Join(y.root, "ledger.csv")
	if code, _, said := y.run(t, "export", "--format", "csv", "--output", file); code != 0 {
		t.Fatal(said)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil || len(table) != 5 {
		t.Fatalf("%d rows, %v", len(table), err)
	}
	const head = "timestamp,workflow,phase,ticket_id,model_alias,provider,model,input_tokens,output_tokens," +
		"cached_input_tokens,cost_usd,cache_hit,batch_job_id,escalation_reason,status"
	if d := cmp.Diff(head, strings.Join(table[0], ",")); d != "" {
		t.Error(d)
	}
	if table[4][13] != "local: timeout" || table[4][10] != "0.000955" {
		t.Errorf("got %q", table[4])
	}
	if code, _, _ := y.run(t, "export", "--format", "xml"); code != 2 {
		t.Errorf("an unknown format: exit %d", code)
	}
}
