package tools

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// allKinds is why a tier may not have answered; a canceled call has no answer at
// all.
var allKinds = []routing.Kind{
	routing.Unavailable, routing.ModelMissing, routing.Loading, routing.Busy, routing.Timeout, routing.ContextOverflow,
	routing.InvalidOutput, routing.LowConfidence, routing.Auth, routing.BudgetSpent,
}

// longReason is as long as a tier's reason gets.
func longReason(k routing.Kind) string {
	return "no answer of kind " + string(k) + ` from "qwen3-coder:30b" at http://127.0.0.1:11434: ` + strings.Repeat("and so on ", 20)
}

// factsOfEachRule let each rule decide in turn.
func factsOfEachRule() map[string]policy.Facts {
	plain := policy.Facts{ID: "FEAT-0000001", Complexity: "medium", WaveKnown: true, Guard: policy.Verdict{Admit: true, Why: "guard closed"}}
	with := func(change func(*policy.Facts)) policy.Facts { f := plain; change(&f); return f }
	open := policy.GuardState{K: 19.1, N: 22.4, Open: true, Opening: 1, Interval: 48}
	probing := open
	probing.Probe, probing.ProbeAt = "FEAT-0000009", anyHour
	look := func(g policy.Guard, s policy.GuardState) policy.Verdict {
		return g.Look("medium", s, policy.Totals{Attempts: 100000, Escalated: 99999}, anyHour)
	}
	return map[string]policy.Facts{
		"eligible": plain,
		"probe": with(func(f *policy.Facts) {
			f.Guard = policy.Verdict{Admit: true, Probe: true, Why: "probe for medium: 19.1 of 22.4 failed, one try in 48 tickets"}
		}),
		"high":  with(func(f *policy.Facts) { f.Complexity = "high" }),
		"tag":   with(func(f *policy.Facts) { f.Tags = []string{"SECURITY"} }),
		"files": with(func(f *policy.Facts) { f.Files = strings.Split(strings.Repeat("x", 1000)+"abcdefgh", "") }),
		"depends": with(func(f *policy.Facts) {
			f.DependsOn, f.Wave = []string{strings.Repeat("é", 400)}, []string{strings.Repeat("é", 400)}
		}),
		"escalated":  with(func(f *policy.Facts) { f.Escalated = "implement" }),
		"guard":      with(func(f *policy.Facts) { f.Guard = look(policy.Guard{Mode: policy.Adaptive}, open) }),
		"guard busy": with(func(f *policy.Facts) { f.Guard = look(policy.Guard{Mode: policy.Adaptive}, probing) }),
		"fixed":      with(func(f *policy.Facts) { f.Guard = look(policy.Guard{Mode: policy.Fixed}, open) }),
		"never":      with(func(f *policy.Facts) { f.Guard = look(policy.Guard{Mode: policy.Never}, open) }),
	}
}

// A row costs at most 140 characters with an id of 12, and still says which
// rule decided and why every tier that was asked did not answer.
func TestRowSize(t *testing.T) {
	half := .5678
	longest, rows := 0, 0
	check := func(name string, c *classifying, attempts []routing.Attempt) {
		c.Failed = attempts
		c.Fallback = (&routing.Unanswered{Attempts: attempts}).Reason()
		if len(attempts) == 0 {
			c.Fallback = ""
		}
		row := c.row(false)
		text := contract.InJSON(row)
		rows++
		longest = max(longest, len(text))
		if len(text) > rowChars {
			t.Fatalf("%s: %d characters\n%s", name, len(text), text)
		}
		for _, r := range row.Why {
			if r < ' ' || r > '~' {
				t.Fatalf("%s: %q in %q", name, r, row.Why)
			}
		}
		said := strings.ToLower(row.Why)
		for i, word := range failedWords(attempts, longLabel) {
			if !strings.Contains(said, word) && !strings.Contains(said, failedWords(attempts, shortLabel)[i]) {
				t.Fatalf("%s: %q does not say %q", name, row.Why, word)
			}
		}
		if !c.Local && !slices.ContainsFunc([]string{"high", "tag", "files", "depends", "needs", "cloud", "escalated", "guard", "fixed", "open"},
			func(w string) bool { return strings.Contains(said, w) }) {
			t.Fatalf("%s: %q does not say which rule decided", name, row.Why)
		}
	}
	for name, f := range factsOfEachRule() {
		c := &classifying{}
		c.ID = "FEAT-0000001"
		c.Local, c.Deciding, c.Rules = policy.Eligible(f)
		c.Class.Complexity = f.Complexity
		for _, category := range []string{"BUG", "REFACTOR"} {
			c.Class.Category = category
			c.Confidence, c.By = nil, "front_matter"
			check(name, c, nil)
			c.Confidence, c.By = &half, "local"
			check(name, c, nil)
			for _, one := range allKinds {
				local := routing.Attempt{Tier: policy.Local, Kind: one, Reason: longReason(one)}
				c.Confidence, c.By = &half, "cheap"
				check(name, c, []routing.Attempt{local})
				c.Confidence, c.By = nil, "rules"
				check(name, c, []routing.Attempt{local})
				for _, two := range allKinds {
					cheap := routing.Attempt{Tier: policy.Cheap, Kind: two, Reason: longReason(two)}
					c.Confidence, c.By = &half, "balanced"
					check(name, c, []routing.Attempt{local, cheap})
					if category == "BUG" { // the longer name alone: three kinds are many
						continue
					}
					c.Confidence, c.By = nil, "rules"
					for _, three := range allKinds {
						check(name, c, []routing.Attempt{local, cheap, {Tier: policy.Balanced, Kind: three, Reason: longReason(three)}})
					}
				}
			}
		}
	}
	t.Logf("%d rows, the longest of %d characters", rows, longest)
}

// The documents' table of symptoms uses the words that a row's `why` has.
func TestDocuments_SymptomsAreTheProgramsWords(t *testing.T) {
	text, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, word := range failedKinds {
		words[word[longLabel]] = true
	}
	found := regexp.MustCompile("`why` says `local ([^`]+)`").FindAllStringSubmatch(string(text), -1)
	for _, m := range found {
		if !words[m[1]] {
			t.Errorf("docs/troubleshooting.md says %q, which no row does", m[0])
		}
	}
	if len(found) < 3 {
		t.Errorf("only %d symptoms found", len(found))
	}
}

// Short reasons are given in full.
func TestRowSaysItInFull(t *testing.T) {
	c := &classifying{}
	c.ID, c.By = "FEAT-1", "rules"
	c.Class.Category, c.Class.Complexity = "FEAT", "low"
	c.Local, c.Deciding = true, policy.Rule{Name: "eligible", OK: true, Why: "eligible", Short: "eligible"}
	c.Failed = []routing.Attempt{{Tier: policy.Local, Kind: routing.Loading, Reason: "model is loading"}}
	c.Fallback = "local: model is loading"
	if got := c.row(false).Why; got != "eligible; local: model is loading" {
		t.Error(got)
	}
	c.Failed = []routing.Attempt{{Tier: policy.Local, Kind: routing.Unavailable}, {Tier: policy.Cheap, Kind: routing.Unavailable}, {Tier: policy.Balanced, Kind: routing.Auth}}
	c.Fallback = strings.Repeat("long ", 30)
	if got := c.row(false).Why; got != "eligible; local+cheap down, balanced auth" {
		t.Error(got)
	}
	c.Local, c.Deciding = false, policy.Rule{Name: "dependencies", Why: strings.Repeat("depends on it ", 9), Short: "needs FEAT-0000002"}
	if got := c.row(false).Why; got != "needs FEAT-0000002; local+cheap down, balanced auth" {
		t.Error(got)
	}
}

// What decided is named before each tier's failure is told at length.
func TestRowNamesWhatDecided(t *testing.T) {
	down := []routing.Attempt{{Tier: policy.Local, Kind: routing.Unavailable}, {Tier: policy.Cheap, Kind: routing.Unavailable}, {Tier: policy.Balanced, Kind: routing.Unavailable}}
	for _, row := range []struct {
		id, classWhy string
		confidence   float64
		rule         policy.Rule
		want         string
	}{
		{"004-alerts/T003", "", 0, policy.Rule{Name: "dependencies", Why: "depends on 004-alerts/T002 of this wave", Short: "needs T002"}, "needs T002; local+cheap+balanced down"},
		{"FEAT-1", "", .65, policy.Rule{Name: "dependencies", Why: strings.Repeat("depends on it ", 9), Short: "needs FEAT-000002"}, "needs FEAT-000002; down/down/down"},
		{"task-12.1", "tag SECURITY", .65, policy.Rule{Name: "complexity", Why: "complexity high", Short: "complexity high"}, "tag SECURITY; down/down/down"},
	} {
		c := &classifying{}
		c.ID, c.By = row.id, "rules"
		c.Class.Category, c.Class.Complexity, c.Class.Why = "BUG", "high", row.classWhy
		c.Deciding, c.Failed, c.Fallback = row.rule, down, strings.Repeat("long ", 30)
		if row.confidence > 0 {
			c.Confidence = &row.confidence
		}
		if got := c.row(false).Why; got != row.want {
			t.Errorf("%s: got %q, want %q", row.id, got, row.want)
		}
	}
}

// Up to four tickets cost at most 800 characters, with all there is to warn of.
func TestClassifySize(t *testing.T) {
	worst := &scriptedModel{down: []routing.Attempt{
		{Tier: policy.Local, Kind: routing.ContextOverflow, Reason: longReason(routing.ContextOverflow)},
		{Tier: policy.Cheap, Kind: routing.InvalidOutput, Reason: longReason(routing.InvalidOutput)},
		{Tier: policy.Balanced, Kind: routing.ModelMissing, Reason: longReason(routing.ModelMissing)},
	}}
	confident := &scriptedModel{sure: .87654, before: worst.down[:2], says: func(string) (string, string) { return "TASK", "medium" }}
	noisy := "unknown: 1\ncomplexity: spicy\naffected_files:\n  - {path: a.go, action: wobble}\n  - {path: b.go, action: jiggle}\n  - [c]\ntags: {a: b}\n"
	for name, m := range map[string]*scriptedModel{"down": worst, "confident": confident} {
		d := decider(t, m)
		var paths []string
		for i := range 4 {
			path := fmt.Sprintf("FEAT-000000%d.md", i)
			writeTicket(t, d.Root, path, fm(fmt.Sprintf("id: FEAT-000000%d", i), noisy, "depends_on: [FEAT-0000001, FEAT-0000002, FEAT-0000003]"))
			paths = append(paths, path)
		}
		for n := 1; n <= 4; n++ {
			checkSize(t, fmt.Sprintf("%s, %d tickets", name, n), d, paths[:n], 0)
		}
	}
	// Tickets that cannot be read cost no more than others.
	d := decider(t, worst)
	writeTicket(t, d.Root, "bad.md", "---\na: [\"\n---\n")
	writeTicket(t, d.Root, "big.md", strings.Repeat("x", ticket.MaxBytes+1))
	checkSize(t, "unreadable", d, []string{"bad.md", "big.md", "../../etc/passwd", strings.Repeat("no/", 300) + "x.md"}, 4)
	checkSize(t, "unreadable", d, []string{`"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\".md`, "票票票票票票票票.md", "\x01\x02\x03\x04.md", ".."}, 4)
}

func checkSize(t *testing.T, name string, d *Deps, paths []string, faults int) {
	t.Helper()
	r := classifyText(t, d, classifyInput{TicketPaths: paths})
	text, err := contract.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if n := utf8.RuneCount(text); n > resultChars {
		t.Errorf("%s: %d characters, at most %d\n%s", name, n, resultChars, text)
	}
	for _, row := range r.Tickets {
		if row.Error != "" {
			faults--
			if !strings.HasPrefix(row.Error, "E_") {
				t.Errorf("%s: %q", name, row.Error)
			}
		}
	}
	if faults != 0 {
		t.Errorf("%s: %d errors fewer than wanted\n%s", name, faults, text)
	}
	if faults == 0 && len(r.Warnings) == 0 && strings.Contains(name, "tickets") {
		t.Errorf("%s: nothing is left of the warnings\n%s", name, text)
	}
}
