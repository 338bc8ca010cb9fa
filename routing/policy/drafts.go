package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// DraftUse is what became of a draft that was handed over.
type DraftUse string

// The uses.
const (
	DraftApplied   DraftUse = "applied"   // as it was
	DraftEdited    DraftUse = "edited"    // applied, then changed
	DraftDiscarded DraftUse = "discarded" // not applied
)

// DraftUses lists the uses.
func DraftUses() []DraftUse { return []DraftUse{DraftApplied, DraftEdited, DraftDiscarded} }

// Applied reports whether the draft's code was the beginning of the change.
func (u DraftUse) Applied() bool { return u == DraftApplied || u == DraftEdited }

// The rules of drafts. A draft costs the user's machine time and nothing else,
// so their guard is slower and plainer than that of tickets.
const (
	draftLeast     = 10   // drafts of a class before their share is looked at
	draftWindow    = 20   // the latest drafts, over which it is taken
	draftShare     = 0.60 // the least share that is applied
	draftFirst     = 10   // tickets of the class until the first probe
	draftMost      = 40   // ... at most, doubled with each probe that is not applied
	draftProbesRow = 2    // probes applied in a row that switch drafting on again
)

// DraftRecord is what became of the drafts of one class of tickets under one
// model and prompt.
type DraftRecord struct {
	Recent   string    `json:"recent"` // the latest, newest last: a = applied, d = not
	Off      bool      `json:"off"`
	K        int       `json:"k"` // applied, of N, when drafting was switched off
	N        int       `json:"n"`
	Opening  int       `json:"opening"`  // how often drafting was switched off
	Interval int       `json:"interval"` // tickets from one probe to the next
	Waited   int       `json:"waited"`   // tickets since the last probe
	Passed   int       `json:"passed"`   // probes applied in a row
	Probe    string    `json:"probe"`    // the ticket that has the probe
	ProbeAt  time.Time `json:"probe_at"`
}

const draftWasApplied, draftWasNot = "a", "d"

// Applied returns how many of the latest drafts were applied, and of how many.
func (r DraftRecord) Applied() (k, n int) {
	return strings.Count(r.Recent, draftWasApplied), len(r.Recent)
}

// Decides reports whether the record of one category has enough drafts to
// decide by itself.
func (r DraftRecord) Decides() bool { return r.Off || len(r.Recent) >= draftLeast }

// ParseDraftRecord reads a stored record. One that does not parse is fresh: a
// damaged record must not stop work.
func ParseDraftRecord(state []byte) DraftRecord {
	var r DraftRecord
	if json.Unmarshal(state, &r) != nil || len(r.Recent) > draftWindow || r.Waited < 0 || r.Off && r.Interval < 1 {
		return DraftRecord{}
	}
	return r
}

// SettleDraft counts what became of the draft of a ticket and returns the
// record to store.
func SettleDraft(ticketID string, state []byte, applied bool) ([]byte, error) {
	r := ParseDraftRecord(state)
	r.settle(ticketID, applied)
	return json.Marshal(r)
}

func (r *DraftRecord) settle(ticketID string, applied bool) {
	word := draftWasNot
	if applied {
		word = draftWasApplied
	}
	r.Recent += word
	r.Recent = r.Recent[max(0, len(r.Recent)-draftWindow):]
	switch {
	case !r.Off:
		k, n := r.Applied()
		if n >= draftLeast && float64(k) < draftShare*float64(n) {
			r.Off, r.K, r.N, r.Opening = true, k, n, r.Opening+1
			r.Interval, r.Waited, r.Passed = draftFirst, 0, 0
		}
	case r.Probe != ticketID: // begun before drafting was switched off
	case applied:
		r.Probe, r.Waited, r.Interval = "", 0, draftFirst
		r.Passed++
		if r.Passed >= draftProbesRow { // a fresh start
			*r = DraftRecord{Opening: r.Opening}
		}
	default:
		r.Probe, r.Waited, r.Passed, r.Interval = "", 0, 0, min(draftMost, 2*r.Interval)
	}
}

// AdmitDraft decides whether the ticket's change is drafted. state and memo are
// what was last stored for the class and for the ticket in it (nil = none);
// newState and newMemo are what to store. A ticket that asks again gets the same
// answer and counts once.
func (g Guard) AdmitDraft(class, ticketID string, state, oldMemo []byte, now time.Time) (v Verdict, newState, newMemo []byte, err error) {
	r := ParseDraftRecord(state)
	if !r.Off || g.Mode == Always {
		return Verdict{Admit: true}, state, nil, nil
	}
	if v, ok := remembered(oldMemo, r.Opening, now); ok {
		return v, state, oldMemo, nil
	}
	v = r.admit(class, ticketID, now)
	newState, newMemo, err = encode(r, memo{r.Opening, now, v})
	return v, newState, newMemo, err
}

func (r *DraftRecord) admit(class, ticketID string, now time.Time) Verdict {
	if !fresh(r.ProbeAt, now) {
		r.Probe = "" // nobody said what became of it
	}
	r.Waited++
	if r.Probe == "" && (r.Passed > 0 || r.Waited >= r.Interval) {
		r.Probe, r.ProbeAt, r.Waited = ticketID, now, 0
		return Verdict{Admit: true, Probe: true, Why: r.words(class) + "; this one is a probe"}
	}
	next := "when the draft of " + Shorten(r.Probe, 40) + " is recorded"
	if r.Probe == "" {
		next = "in " + tickets(r.Interval-r.Waited)
	}
	return Verdict{Why: fmt.Sprintf("%s; next try %s", r.words(class), next)}
}

// words gives the figures that switched drafting off.
func (r DraftRecord) words(class string) string {
	return fmt.Sprintf("no drafts for %s: %d of the last %d were applied, under %.0f %%", class, r.K, r.N, draftShare*100)
}

// LookDraft returns why no draft is written for a class, "" where one is.
func (g Guard) LookDraft(class string, state []byte) string {
	r := ParseDraftRecord(state)
	if !r.Off || g.Mode == Always {
		return ""
	}
	return r.words(class)
}
