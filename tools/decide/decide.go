package decide

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
)

// Decide settles whether the local model may have the ticket. The guard is
// asked only for a ticket that every other rule lets through, since it counts
// eligible tickets.
func (c *Classified) Decide(ctx context.Context, d *deps.Deps, w Wave) (warning string) {
	state, err := d.Journal.TicketState(ctx, c.ID)
	if err != nil {
		warning = "journal not readable, so past outcomes were not considered: " + err.Error()
	}
	c.Owner = state.Owner()
	facts := c.facts(w)
	facts.Escalated = string(state.EscalatedAt)
	facts.Guard = policy.Verdict{Admit: true, Why: "not asked: another rule decides"}
	_, said := w.waits(&c.Ticket)
	warning = contract.Join(warning, said)
	ok, _, _ := policy.Eligible(facts)
	switch {
	case !ok:
	case err != nil:
		facts.Guard.Why = "not asked: the journal is not readable"
	case state.Phase == policy.PhaseLocal && d.Guard.Mode != policy.Never:
		facts.Guard.Why = "not asked: its local attempt is open"
	default:
		if facts.Guard, err = c.admit(ctx, d); err != nil {
			warning = "journal not readable, so the guard was not asked: " + err.Error()
			facts.Guard = policy.Verdict{Admit: true, Why: "not asked: the journal is not readable"}
		}
	}
	c.Guard = facts.Guard.Why
	c.Local, c.Deciding, c.Rules = policy.Eligible(facts)
	return warning
}

// facts are what eligibility depends on, but for the journal's part.
func (c *Classified) facts(w Wave) policy.Facts {
	waits, _ := w.waits(&c.Ticket)
	f := policy.Facts{
		ID: c.ID, Complexity: c.Class.Complexity, Tags: c.stated.Tags, Files: c.stated.Files,
		SizeUnknown: c.Class.SizeUnknown, Sure: c.sure,
		DependsOn: waits, Wave: w.IDs, WaveKnown: w.Known,
	}
	if len(f.Files) == 0 && len(c.stated.FilesFromText) > 0 {
		f.Files, f.FilesFromText = c.stated.FilesFromText, true
	}
	return f
}

// refused is why a rule that looks at the ticket alone keeps it from the local
// model, "" where none does.
func (c *Classified) refused() string {
	for _, rule := range c.Rules {
		if !rule.OK && slices.Contains([]string{"complexity", "tags", "files"}, rule.Name) {
			return rule.Why
		}
	}
	return ""
}

// Remember writes the decision down for a plan of the same content.
func (c *Classified) Remember(ctx context.Context, d *deps.Deps, w Wave) error {
	return d.Journal.SaveDecision(ctx, decisions.Decision{
		Hash: c.Ticket.Hash, TicketID: c.ID, Source: c.Ticket.Source, Category: c.Class.Category,
		Complexity: c.Class.Complexity,
		By:         c.By, Why: c.Deciding.Why, Local: c.Local, Refused: c.refused(), Wave: w.IDs, WaveKnown: w.Known,
		Digest: GuardDigest(ctx, d), At: time.Now(),
	})
}

// admit asks the quality guard for this ticket, in one transaction of the
// journal.
func (c *Classified) admit(ctx context.Context, d *deps.Deps) (policy.Verdict, error) {
	var totals policy.Totals
	if d.Guard.Mode == policy.Fixed {
		stats, err := d.Journal.Stats(ctx)
		if err != nil {
			return policy.Verdict{}, err
		}
		totals = policy.Totals{Attempts: stats.TotalAttempts, Escalated: stats.EscalatedToCloud}
	}
	key, err := c.guardRecord(ctx, d)
	if err != nil {
		return policy.Verdict{}, err
	}
	var verdict policy.Verdict
	err = d.Journal.Admit(ctx, key, c.ID, func(state, memo []byte) (newState, newMemo []byte, err error) {
		verdict, newState, newMemo, err = d.Guard.Admit(RecordName(key), c.ID, state, memo, totals, time.Now())
		return newState, newMemo, err
	})
	if key.Category != "" && !verdict.Probe && verdict.Admit {
		verdict.Why += " (" + RecordName(key) + ")"
	}
	return verdict, err
}

// guardRecord is the record that decides for a ticket: that of its category
// among tickets as hard, once it has enough outcomes, else that of all of them.
func (c *Classified) guardRecord(ctx context.Context, d *deps.Deps) (guard.Key, error) {
	states, err := d.Journal.GuardStates(ctx)
	key := c.GuardKey(ctx, d, "")
	if !policy.ParseGuardState(states[key]).Decides() {
		key.Category = ""
	}
	return key, err
}

// GuardKey is the record that the ticket's attempt by the model of a digest counts
// in; "" = the digest of the model that would be asked now.
func (c *Classified) GuardKey(ctx context.Context, d *deps.Deps, digest string) guard.Key {
	key := guard.Key{Class: c.Class.Complexity, Category: c.Class.Category}
	if digest == "" {
		key.Digest = GuardDigest(ctx, d)
	} else {
		key.Digest = underPrompts(digest)
	}
	return key
}

// RecordName is a record in words: "low", or "low BUG".
func RecordName(key guard.Key) string {
	return strings.TrimSpace(key.Class + " " + key.Category)
}

// GuardDigest names whose record the guard keeps: this model's weights under
// these prompts. It falls back to the last digest known, so that an Ollama
// that is down does not change who is judged.
func GuardDigest(ctx context.Context, d *deps.Deps) string {
	digest := d.Asker.Digest(ctx)
	if digest == "" {
		if known, err := d.Journal.KnownDigest(ctx, d.Model); err == nil {
			digest = known
		}
	}
	return underPrompts(digest)
}

func underPrompts(digest string) string { return digest + "/" + prompts.Version }
