// Package faults crosses every way the local model can fail with every way the
// proxy can: who must answer, what must be said, and how long it may take.
package faults

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/deps"
)

var update = flag.Bool("update", false, "write MATRIX.md anew")

// TestMain lets many cells wait side by side: they sleep more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "48"); err != nil {
		panic(err)
	}
	os.Exit(ollamatest.Main(m))
}

// slack is what a loaded machine may add to any time.
const slack = 30 * time.Second

// free is a ledger that keeps the rows, and a budget without end.
type free struct {
	mu   sync.Mutex
	rows []routing.CallRecord
}

func (f *free) Call(_ context.Context, c routing.CallRecord) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, c)
	return nil
}

func (f *free) Reserve(context.Context, policy.Tier, float64) (func(context.Context, float64) error, error) {
	return func(context.Context, float64) error { return nil }, nil
}

// noJournal remembers nothing: the cells are about models, and hundreds of them
// at once would wait for one disk.
type noJournal struct{ deps.Journal }

func (noJournal) TicketState(context.Context, string) (statestore.Ticket, error) {
	return statestore.Ticket{}, nil
}

func (noJournal) Admit(_ context.Context, _ guard.Key, _ string, step func(state, memo []byte) (newState, newMemo []byte, err error)) error {
	_, _, err := step(nil, nil)
	return err
}
func (noJournal) SaveDecision(context.Context, decisions.Decision) error { return nil }
func (noJournal) KnownDigest(context.Context, string) (string, error)    { return "", nil }
func (noJournal) LastDecision(context.Context, string) (decisions.Decision, bool, error) {
	return decisions.Decision{}, false, nil
}
func (noJournal) RecordDraft(context.Context, drafts.Draft) error { return nil }
func (noJournal) DraftRecords(context.Context) (map[guard.Key][]byte, error) {
	return nil, nil
}
func (noJournal) GuardStates(context.Context) (map[guard.Key][]byte, error) {
	return nil, nil
}
func (noJournal) Echo(context.Context, guard.Key) ([]byte, error)              { return nil, nil }
func (noJournal) SaveEcho(context.Context, guard.Key, []byte) error            { return nil }
func (noJournal) Stats(context.Context) (projection.Stats, error)              { return projection.Stats{}, nil }
func (noJournal) Warnings() []string                                           { return nil }
func (noJournal) Completed(context.Context, []string) (map[string]bool, error) { return nil, nil }

// settings are a cell's: the program's defaults, with limits that run out.
func settings(ollama, proxy, slots string) tiers.Config {
	return tiers.Config{OllamaURL: ollama, Model: "tiny", NumCtx: 4096, KeepAlive: time.Minute, Slots: 64, SlotDir: slots,
		ConnectTimeout: 10 * time.Second, LoadTimeout: time.Minute, FirstTokenTimeout: patience, TokenTimeout: patience, LoadGrace: patience,
		MinConfidence: 0.6, ProxyURL: proxy, ProxyKey: "sk-test", Fallback: []policy.Tier{policy.Cheap, policy.Balanced}, CloudAllowed: true}
}

// outcome is what a caller of classify_ticket sees.
type outcome struct {
	By, Why string
	Answer  struct {
		FellBack bool `json:"fell_back"`
		Reason   string
	}
	took time.Duration
}

const ticket = "---\nid: N-7\ntitle: Button does nothing\n---\n\n# Button does nothing\n\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n| a.go | modify | |\n"

func classify(t *testing.T, root string, asker deps.Asker, limit time.Duration) outcome {
	t.Helper()
	d := &tools.Deps{Root: root, Model: "tiny", NumCtx: 4096, Deadline: limit, Guard: policy.Guard{Mode: "always"},
		Asker: asker, Journal: noJournal{}, CloudAllowed: true, Log: slog.New(slog.DiscardHandler)}
	arguments, err := json.Marshal(map[string]any{"ticket": ticket, "explain": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.All(d) {
		if tool.Declaration.Name != "classify_ticket" {
			continue
		}
		start := time.Now()
		text, err := tool.Run(t.Context(), d, tools.Call{Arguments: arguments})
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		var result struct{ Tickets []outcome }
		if err := json.Unmarshal(text, &result); err != nil || len(result.Tickets) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		o := result.Tickets[0]
		o.took = time.Since(start)
		return o
	}
	t.Fatal("no classify_ticket")
	return outcome{}
}

// want is a cell's: who answers, and the latest it may.
func want(l localFault, p proxyFault) (by string, within time.Duration) {
	by, within = "cheap", l.holds+p.holds
	if p.reason != "" {
		by = "rules"
	}
	switch {
	case by == "rules" && (l.hangs || p.hangs):
		within = short
	case l.hangs:
		within += patience // the grace
	}
	return by, within
}

// TestMatrix runs every cell through the tool itself.
func TestMatrix(t *testing.T) {
	t.Parallel() // its cells wait and leave the processor to the tests of a real server
	rows, columns := localFaults(), proxyFaults()
	cells := make([][]string, len(rows))
	start := time.Now()
	t.Run("cells", func(t *testing.T) {
		root, slots := t.TempDir(), t.TempDir()
		for i, l := range rows {
			cells[i] = make([]string, len(columns))
			url := l.url(t)
			for j, p := range columns {
				t.Run(l.name+" x "+p.name, func(t *testing.T) {
					t.Parallel()
					cfg := settings(url, p.url(t), slots)
					cells[i][j] = cell(t, root, cfg, l, p)
				})
			}
		}
	})
	t.Logf("%d cells in %s", len(rows)*len(columns), time.Since(start).Round(time.Second))
	if !t.Failed() {
		compare(t, page(rows, columns, cells))
	}
}

func cell(t *testing.T, root string, cfg tiers.Config, l localFault, p proxyFault) string {
	t.Helper()
	by, within := want(l, p)
	limit := deadline
	if by == "rules" && (l.hangs || p.hangs) {
		limit = short
	}
	books := &free{}
	// A loaded machine is slow too, and must not be taken for these faults.
	if !strings.Contains(l.reason, "FIRST_TOKEN") {
		cfg.FirstTokenTimeout = deadline
	}
	if !strings.Contains(l.reason, "LOCALMODEL_TOKEN") {
		cfg.TokenTimeout = deadline
	}
	o := classify(t, root, tiers.New(t, cfg, books, books), limit)
	if o.By != by {
		t.Fatalf("answered by %s, want %s: %s", o.By, by, o.Answer.Reason)
	}
	if !o.Answer.FellBack || !strings.HasPrefix(o.Answer.Reason, "local: ") || !strings.Contains(o.Answer.Reason, l.reason) {
		t.Errorf("reason %q does not say %q", o.Answer.Reason, l.reason)
	}
	for _, tier := range []string{"cheap: ", "balanced: "} {
		if by == "rules" && (!strings.Contains(o.Answer.Reason, tier) || !strings.Contains(o.Answer.Reason, p.reason)) {
			t.Errorf("reason %q does not say %q %q", o.Answer.Reason, tier, p.reason)
		}
	}
	if !strings.Contains(o.Why, "; ") {
		t.Errorf("the row's why does not say what became of the tiers: %q", o.Why)
	}
	if o.took > within+slack {
		t.Errorf("took %s, may take %s", o.took, within)
	}
	books.mu.Lock()
	defer books.mu.Unlock()
	if len(books.rows) == 0 || books.rows[0].Result != string(l.kind) {
		t.Errorf("the journal's rows: %+v, want %s first", books.rows, l.kind)
	}
	return by
}

// page is MATRIX.md.
func page(rows []localFault, columns []proxyFault, cells [][]string) string {
	var b strings.Builder
	b.WriteString("# Who answers when models fail\n\n")
	b.WriteString("Generated by `go test ./integration/e2e/faults -run TestMatrix -update`; the test compares.\n" +
		"Each cell is one call of classify_ticket with both a failing Ollama and a proxy as named.\n" +
		"It holds who must answer. The reason given names every tier that did not, in the words below.\n\n")
	b.WriteString("## Ollama\n\n| fault | how it is shown | kind | reason given | holds the call up |\n|---|---|---|---|---|\n")
	for _, l := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.name, shown(l), l.kind, l.reason, holds(l.holds, l.hangs))
	}
	b.WriteString("\n## Proxy\n\n| fault | reason given | holds the call up |\n|---|---|---|\n")
	for _, p := range columns {
		reason := p.reason
		if reason == "" {
			reason = "none: it answers"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.name, reason, holds(p.holds, p.hangs))
	}
	b.WriteString("\n## Both\n\n| Ollama \\ proxy |")
	for _, p := range columns {
		b.WriteString(" " + p.name + " |")
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
	for i, l := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", l.name, strings.Join(cells[i], " | "))
	}
	return b.String()
}

func shown(l localFault) string {
	var how []string
	if onReal[l.name] {
		how = append(how, "real 0.24.0")
	}
	if l.fake != "" {
		how = append(how, "fake of "+l.fake)
	}
	if len(how) == 0 {
		return "real network"
	}
	return strings.Join(how, "; ")
}

func holds(d time.Duration, hangs bool) string {
	switch {
	case hangs:
		return "until its share of the deadline is over"
	case d == 0:
		return "no"
	}
	return d.String()
}

func compare(t *testing.T, text string) {
	t.Helper()
	const path = "MATRIX.md"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != text {
		t.Errorf("%s is not what the test saw (%v); write it with -update", path, err)
	}
}
