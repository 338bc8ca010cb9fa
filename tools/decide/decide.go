package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Wave is the set of tickets worked on together.
type Wave struct {
	IDs   []string
	Known bool
	Index *ticket.Index   // the tickets that were read, closed ones included; nil = only the ids are known
	done  map[string]bool // whose commit passed; WithDone fills it, and
	byID  *ticket.Index   // of IDs
}

// WithDone adds which tickets of the wave are done, where one of the tickets
// depends on others. What cannot be read holds nobody back less than before.
func (w Wave) WithDone(ctx context.Context, d *deps.Deps, tickets ...*ticket.Ticket) (with Wave, warning string) {
	w.byID = ticket.NewIndex()
	for _, id := range w.IDs {
		w.byID.Add(id, true)
	}
	depends := slices.ContainsFunc(tickets,
		func(t *ticket.Ticket) bool { return len(t.DependsOn)+len(t.After) > 0 })
	if !w.Known || !depends {
		return w, ""
	}
	var err error
	if w.done, err = d.Journal.Completed(ctx, w.IDs); err != nil {
		return w, "journal not readable, so completed dependencies were not considered: " + err.Error()
	}
	return w, ""
}

// waits gives the open tickets of the wave that a ticket waits for: by what it states,
// and by what the order or the phases of its file say. said is a reference that was
// found under another prefix.
func (w Wave) waits(t *ticket.Ticket) (ids []string, said string) {
	for _, ref := range slices.Concat(t.DependsOn, t.After) {
		e, found, other := ticket.Entry{}, false, false
		if w.Index != nil {
			e, found, other = w.Index.Find(ref, !t.IDStatesKind)
		}
		switch {
		case found && !e.Open:
			continue // done
		case found: // it counts where it is of the wave
			e, found, _ = w.byID.Find(e.ID, false)
		default:
			e, found, other = w.byID.Find(ref, !t.IDStatesKind)
		}
		if !found || strings.EqualFold(e.ID, t.ID) || w.done[e.ID] {
			continue
		}
		if other && said == "" {
			said = fmt.Sprintf("%s: %s is taken for %s, the only ticket with that number", t.ID, ref, e.ID)
		}
		if strings.EqualFold(ref, e.ID) {
			e.ID = ref // in the ticket's own spelling
		}
		ids = append(ids, e.ID)
	}
	return ids, said
}

// ForPlan classifies a ticket that is to be planned, or recalls the decision on the
// same content, and decides whether the local model may have it. wave is nil where
// none is given. What there is to say beside it is added to warnings.
func ForPlan(ctx context.Context, d *deps.Deps, t ticket.Ticket, wave []string, route policy.Route,
	warnings *contract.Warnings, p deps.Progress,
) (Classified, error) {
	w := Wave{IDs: wave, Known: wave != nil}
	last, found, err := d.Journal.Decision(ctx, t.ID, t.Hash, t.Source)
	if err != nil {
		warnings.Add("journal not readable, so earlier decisions were not considered: " + err.Error())
	}
	if found && !w.Known {
		w = Wave{IDs: last.Wave, Known: last.WaveKnown}
	}
	w, warning := w.WithDone(ctx, d, &t)
	warnings.Add(warning)
	stated := statedIn(ctx, d, t)
	// The category changes nothing here: no model is asked for it.
	c := Classified{ID: t.ID, Ticket: t, stated: stated, By: "rules", Class: policy.Classify(stated).GuessCategory()}
	asked, rule := false, policy.Rule{OK: true}
	if !found {
		rule = c.refusedByRule(ctx, d, w, route)
	}
	switch {
	case found:
		c.By = last.By
		c.Class = policy.Classify(stated).WithModel(last.Category, last.Complexity)
		c.sure = c.By != "rules" && !strings.HasPrefix(last.Why, policy.SizeUnknown)
	case !rule.OK:
		// What a model thinks of it would change nothing: none is asked.
		c.Class = c.Class.WithoutModel()
	default:
		asked = true
		if c, err = complete(ctx, d, c, route, p); err != nil {
			return c, err
		}
		warnings.AddFirst(c.Withheld...)
	}
	if !w.Known && len(t.DependsOn)+len(t.After) > 0 {
		warnings.Add("wave not given and this content was not classified before: no dependency on it is assumed")
	}
	warnings.Add(c.Decide(ctx, d, w))
	if !rule.OK && !c.Local {
		c.Deciding = rule // the others may fail for what no model was asked
	}
	if asked {
		if err := c.Remember(ctx, d, w); err != nil && ctx.Err() == nil {
			warnings.Add("decision not remembered: " + err.Error())
		}
	}
	return c, nil
}

// refusedByRule returns the rule that keeps the ticket from the local model
// whatever complexity a model would find; OK where none does.
func (c *Classified) refusedByRule(ctx context.Context, d *deps.Deps, w Wave, route policy.Route) policy.Rule {
	least, _ := c.facts(w)
	least.Sure = true
	least.Guard = policy.Verdict{Admit: true}
	if d.Guard.Mode == policy.Never && route != policy.OnlyLocal {
		least.Guard = d.Guard.Look("", policy.GuardState{}, policy.Totals{}, time.Now())
	}
	if state, err := d.Journal.TicketState(ctx, c.ID); err == nil { // Decide warns of an error
		least.Escalated = string(state.EscalatedAt)
	}
	if c.Class.AskComplexity {
		least.Complexity = string(policy.Low)
	}
	_, rule, _ := policy.Eligible(least)
	return rule
}

// Decide settles whether the local model may have the ticket. The guard is
// asked only for a ticket that every other rule lets through, since it counts
// eligible tickets.
func (c *Classified) Decide(ctx context.Context, d *deps.Deps, w Wave) (warning string) {
	state, err := d.Journal.TicketState(ctx, c.ID)
	if err != nil {
		warning = "journal not readable, so past outcomes were not considered: " + err.Error()
	}
	c.Owner = state.Owner()
	facts, said := c.facts(w)
	facts.Escalated = string(state.EscalatedAt)
	facts.Guard = policy.Verdict{Admit: true, Why: "not asked: another rule decides"}
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

// facts are what eligibility depends on, but for the journal's part. said is as of
// Wave.waits.
func (c *Classified) facts(w Wave) (f policy.Facts, said string) {
	waits, said := w.waits(&c.Ticket)
	f = policy.Facts{
		ID: c.ID, Complexity: c.Class.Complexity, Tags: c.stated.Tags, Files: c.stated.Files,
		SizeUnknown: c.Class.SizeUnknown, Sure: c.sure,
		DependsOn: waits, Wave: w.IDs, WaveKnown: w.Known,
	}
	if len(f.Files) == 0 && len(c.stated.FilesFromText) > 0 {
		f.Files, f.FilesFromText = c.stated.FilesFromText, true
	}
	return f, said
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
	// The record of its category among tickets as hard decides, once it has enough
	// outcomes, else that of all of them.
	states, err := d.Journal.GuardStates(ctx)
	if err != nil {
		return policy.Verdict{}, err
	}
	key := c.GuardKey(ctx, d, "")
	if !policy.ParseGuardState(states[key]).Decides() {
		key.Category = ""
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

// GuardKey is the record that the ticket's attempt by the model of a digest counts
// in; "" = the digest of the model that would be asked now.
func (c *Classified) GuardKey(ctx context.Context, d *deps.Deps, digest string) guard.Key {
	key := guard.Key{Class: c.Class.Complexity, Category: c.Class.Category, Digest: underPrompts(digest)}
	if digest == "" {
		key.Digest = GuardDigest(ctx, d)
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
		digest, _ = d.Journal.KnownDigest(ctx, d.Model)
	}
	return underPrompts(digest)
}

func underPrompts(digest string) string { return digest + "/" + prompts.Version }
