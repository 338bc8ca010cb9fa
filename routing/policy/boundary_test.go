package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRecords_Decide(t *testing.T) {
	for _, c := range []struct {
		name string
		got  bool
		want bool
	}{
		{"four tickets", GuardState{Seen: 4}.Decides(), false},
		{"five tickets", GuardState{Seen: 5}.Decides(), true},
		{"nine drafts", DraftRecord{Recent: strings.Repeat("a", 9)}.Decides(), false},
		{"ten drafts", DraftRecord{Recent: strings.Repeat("a", 10)}.Decides(), true},
		{"no drafts, switched off", DraftRecord{Off: true}.Decides(), true},
		{"an applied draft", DraftApplied.Applied(), true},
		{"an edited draft", DraftEdited.Applied(), true},
		{"a discarded draft", DraftDiscarded.Applied(), false},
		{"the first gate", Plan.Valid(), true},
		{"the last gate", Commit.Valid(), true},
		{"no gate", Gate("none").Valid(), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, c.got, c.want)
		}
	}
}

// TestParseDraftRecord_Damage holds that one wrong figure makes a record fresh.
func TestParseDraftRecord_Damage(t *testing.T) {
	for name, c := range map[string]struct {
		state string
		kept  bool
	}{
		"no JSON":              {`{"k":3`, false},
		"a word, not a number": {`{"k":3,"waited":"x"}`, false},
		"as many as are kept":  {`{"k":3,"recent":"` + strings.Repeat("a", draftWindow) + `"}`, true},
		"one more":             {`{"k":3,"recent":"` + strings.Repeat("a", draftWindow+1) + `"}`, false},
		"waited less than 0":   {`{"k":3,"waited":-1}`, false},
		"off, no interval":     {`{"k":3,"off":true}`, false},
		"off, interval of 1":   {`{"k":3,"off":true,"interval":1}`, true},
		"on, no interval":      {`{"k":3}`, true},
	} {
		if got := ParseDraftRecord([]byte(c.state)); (got.K == 3) != c.kept || !c.kept && got != (DraftRecord{}) {
			t.Errorf("%s: got %+v, want it kept: %t", name, got, c.kept)
		}
	}
}

// TestAdmitDraft_Memo holds which stored answers count: those of this opening
// and of the last day.
func TestAdmitDraft_Memo(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	state := draftHistory(t, "dddddddddd")
	if r := ParseDraftRecord(state); r.Opening != 1 {
		t.Fatalf("opened %d times, want 1", r.Opening)
	}
	for name, c := range map[string]struct {
		memo    memo
		counted bool
	}{
		"of this opening":    {memo{Opening: 1, At: now.Add(-time.Hour)}, false},
		"of an earlier one":  {memo{Opening: 0, At: now.Add(-time.Hour)}, true},
		"without a time":     {memo{Opening: 1}, true},
		"of a day ago":       {memo{Opening: 1, At: now.Add(-probeLifetime)}, true},
		"of a day to come":   {memo{Opening: 1, At: now.Add(probeLifetime)}, true},
		"of nearly a day on": {memo{Opening: 1, At: now.Add(time.Second - probeLifetime)}, false},
	} {
		stored, err := json.Marshal(c.memo)
		if err != nil {
			t.Fatal(err)
		}
		v, after, _, err := Guard{}.AdmitDraft("low", "A", state, stored, now)
		if err != nil {
			t.Fatal(err)
		}
		if counted := string(after) != string(state); counted != c.counted {
			t.Errorf("%s: counted %t, want %t", name, counted, c.counted)
		}
		if want := "under 60 %; next try in 9 tickets"; c.counted && !strings.HasSuffix(v.Why, want) {
			t.Errorf("%s: %q, want ...%q", name, v.Why, want)
		}
	}
}

// TestOnOutcome_EscalatedAtAnotherGate holds that after an escalation two
// failures of any gate stop a ticket, also of one that was not retried before.
func TestOnOutcome_EscalatedAtAnotherGate(t *testing.T) {
	s := TicketState{Phase: PhaseEscalated, EscalatedAt: Plan}
	var got []Action
	for range 2 {
		var d Decision
		s, d = OnOutcome(s, GateOutcome{TicketID: "T", Gate: Lint, Outcome: Fail})
		got = append(got, d.Action)
	}
	if want := []Action{Retry, Stop}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestOnPlan_CloudStaysCloud holds that a second plan of the cloud's changes no
// owner and forgets no failure.
func TestOnPlan_CloudStaysCloud(t *testing.T) {
	before := TicketState{Phase: PhaseCloud}
	before.Failures[1] = 1
	after, d := OnPlan(before, false, "template")
	if after != before || d.Changed != "" {
		t.Errorf("got %+v, changed %q; want %+v", after, d.Changed, before)
	}
	after, d = OnPlan(TicketState{}, false, "template")
	if after.Phase != PhaseCloud || d.Changed == "" {
		t.Errorf("a new ticket: got %+v, changed %q", after, d.Changed)
	}
}

func TestDecision_OwnerAfter(t *testing.T) {
	d := Decision{Owner: OwnerLocal}
	for phase, want := range map[Phase]Owner{PhaseDone: OwnerLocal, PhaseLocal: OwnerLocal, PhaseEscalated: OwnerCloud, PhaseCloud: OwnerCloud} {
		if got := d.OwnerAfter(TicketState{Phase: phase}); got != want {
			t.Errorf("%s: got %s, want %s", phase, got, want)
		}
	}
}

func TestWithModel_Category(t *testing.T) {
	asked := Classify(Stated{Title: "x", Complexity: "low"})
	for word, want := range map[string]string{"BUG": "BUG", "": ""} {
		if got := asked.WithModel(word, "").Category; got != want {
			t.Errorf("the model says %q: got %q, want %q", word, got, want)
		}
	}
}

// TestEligible_NoFiles holds the reason for a ticket that names no file.
func TestEligible_NoFiles(t *testing.T) {
	for _, c := range []struct {
		unknown, sure, ok bool
		want              string
	}{
		{true, false, false, "size unknown, names no files: add Affected Files"},
		{true, true, true, "names no files, but a model is sure of its size"},
		{false, false, true, "names no files, but its complexity is known"},
	} {
		f := admitted()
		f.Files, f.SizeUnknown, f.Sure = nil, c.unknown, c.sure
		ok, deciding, all := Eligible(f)
		if ok != c.ok || deciding.OK != c.ok || all[2].Why != c.want {
			t.Errorf("unknown %t, sure %t: got %t (%t), %q; want %t, %q", c.unknown, c.sure, ok, deciding.OK, all[2].Why, c.ok, c.want)
		}
	}
}

// TestLook_ProbeIsDue holds that a probe that is due is announced as the next
// ticket, whatever was waited.
func TestLook_ProbeIsDue(t *testing.T) {
	for name, s := range map[string]GuardState{
		"after one that passed": {N: 5, K: 4, Open: true, Interval: 10, Waited: 3, Next: true},
		"waited long enough":    {N: 5, K: 4, Open: true, Interval: 10, Waited: 12},
	} {
		if v := (Guard{}).Look("low", s, Totals{}, time.Now()); v.Short != "guard open, next in 1" || !strings.HasSuffix(v.Why, "next try in 1 ticket") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
