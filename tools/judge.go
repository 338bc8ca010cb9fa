package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// judged is one ticket on its way through classification and eligibility.
type judged struct {
	id     string
	ticket ticket.Ticket
	stated policy.Stated
	class  policy.Classification
	by     string // front_matter, rules, or the tier that answered

	confidence *float64
	sure       bool    // a model whose word counts said low or medium
	answer     *answer // who was asked; nil where nothing was left to ask
	estimated  bool    // the answer's cost is
	fallback   string  // why the tiers before the one that answered did not
	failed     []routing.Attempt
	withheld   []string // what a tier on another machine did not get

	local    bool
	deciding policy.Rule
	rules    []policy.Rule
	guard    string       // the guard's words
	owner    policy.Owner // whose ticket it is so far
}

// classify says what kind of ticket it is and how hard: what it states, what
// the rules set, and for the rest a model, or the rules where none answers.
func (d *Deps) classify(ctx context.Context, t ticket.Ticket, route policy.Route, p progress) (judged,
	error) {
	stated := d.stated(ctx, t)
	return d.complete(ctx, judged{id: t.ID, ticket: t, stated: stated, class: policy.Classify(stated)}, route,
		p)
}

// complete asks a model for what the classification leaves open.
func (d *Deps) complete(ctx context.Context, j judged, route policy.Route, p progress) (judged, error) {
	t := j.ticket
	j.by = j.class.By
	if !j.class.AskCategory && !j.class.AskComplexity {
		return j.withGuess(), nil
	}
	q := j.question(d.Prefixes)
	user, err := prompts.Classify(q)
	if err != nil {
		return j, err
	}
	route, echo, ask := d.withoutEcho(ctx, route)
	if !ask {
		return j.withoutModel(echo), nil
	}
	start := time.Now()
	asking, stop := d.asking(ctx)
	defer stop()
	a, err := d.Asker.Complete(asking, route, routing.Request{
		Purpose: "classify", TicketID: t.ID, System: prompts.System, User: user,
		Remote: func() (string, []string) {
			remote, words := q.Remote()
			text, err := prompts.Classify(remote)
			if err != nil { // the same template has just rendered the whole question
				return "", words
			}
			return text, words
		},
		Schema: q.Schema(), MaxTokens: prompts.MaxClassifyTokens, Likely: prompts.MaxClassifyTokens / 3,
		ConfidenceFields: q.Fields(),
		Accept:           func(text []byte) error { _, err := q.Parse(text); return err },
		Progress:         p.tokens(t.ID),
	})
	if err != nil {
		unanswered, err := asUnanswered(ctx, err)
		if err != nil {
			return j, err
		}
		return j.unanswered(unanswered, echo, time.Since(start)), nil
	}
	reply, err := q.Parse(a.Text)
	if err != nil {
		return j, fmt.Errorf("an accepted reply does not parse: %w", err)
	}
	j.class, j.by = j.class.WithModel(reply.Category, reply.Complexity), string(a.Tier)
	j.confidence = a.Confidence
	// Without a probability a local model's word is worth little; the paid tiers
	// give none.
	j.sure = a.Confidence != nil || a.Tier != policy.Local
	if a.Tier == policy.Local {
		d.startEcho()
	}
	return j.answeredBy(a, echo), nil
}

// question is what a model is asked about the ticket.
func (j judged) question(prefixes []string) prompts.ClassifyQuestion {
	t := j.ticket
	q := prompts.ClassifyQuestion{Ticket: t.Body, Files: len(j.stated.Files) + len(j.stated.FilesFromText),
		Complexity: j.class.AskComplexity}
	if t.Title != "" && !strings.HasSuffix(strings.TrimSpace(t.Body), t.Title) {
		q.Ticket = t.Body + "\n\n" + t.Title // what it is about is read last
	}
	if j.class.AskCategory {
		q.Categories = append([]string{"BUG", "FEAT", "TASK"}, prefixes...)
	}
	return q
}

// unanswered is the ticket classified by rules, after the tiers were asked in
// vain for so long.
func (j judged) unanswered(u *routing.Unanswered, echo string, took time.Duration) judged {
	j.class, j.by = j.class.WithoutModel(), "rules"
	j.fallback, j.failed, j.withheld = contract.Join(echo, u.Reason()), u.Attempts, u.Withheld
	j = j.withGuess()
	j.answer, j.estimated = inVain(u, took)
	return j
}

// withGuess reports the probability of a category that the rules guessed.
func (j judged) withGuess() judged {
	if j.class.Confidence > 0 {
		j.confidence = &j.class.Confidence
	}
	return j
}

// stated is what a ticket says about itself, and where it says nothing of its size,
// the files that its text names.
func (d *Deps) stated(ctx context.Context, t ticket.Ticket) policy.Stated {
	s := Stated(t, d.Prefixes)
	if policy.Classify(s).SizeUnknown {
		s.FilesFromText = d.project().FilesNamed(ctx, t)
	}
	return s
}

// Stated is what a ticket says about itself in the words of the rules. prefixes are the
// project's categories beside BUG, FEAT and TASK.
func Stated(t ticket.Ticket, prefixes []string) policy.Stated {
	paths := make([]string, 0, len(t.Files))
	for _, f := range t.Files {
		paths = append(paths, f.Path)
		for n := 1; n < f.Count; n++ { // a pattern or a folder of several
			paths = append(paths, fmt.Sprintf("%s (%d)", f.Path, n+1))
		}
	}
	s := policy.Stated{
		ID: t.ID, Type: t.Type, Complexity: t.Complexity, Files: paths, Tags: slices.Concat(t.Labels,
			t.Concerns),
		HasFrontMatter: t.HasFrontMatter, HasFileTable: t.HasFileTable,
		Title: t.Title, Body: t.Body, Prefixes: prefixes,
	}
	if !t.IDStatesKind {
		s.ID = "" // its prefix is the tracker's, and says nothing of the kind
	}
	ownPrefix := slices.ContainsFunc(prefixes, func(p string) bool { return strings.EqualFold(p, t.Type) })
	if t.Kind != "" && !ownPrefix && (t.Type != "" || s.ID == "" || !hasPrefix(t.ID, prefixes)) {
		s.Type = t.Kind
	}
	return s
}

// hasPrefix reports whether an id begins with a prefix that the project has configured.
func hasPrefix(id string, prefixes []string) bool {
	head, _, _ := strings.Cut(id, "-")
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.EqualFold(p, head) })
}

// wave is the set of tickets worked on together.
type wave struct {
	ids   []string
	known bool
	index *ticket.Index   // the tickets that were read, closed ones included; nil = only the ids are known
	done  map[string]bool // whose commit passed
	byID  *ticket.Index   // of ids; nil = to be made
}

func (w wave) indexed() wave {
	if w.byID == nil {
		w.byID = ticket.NewIndex()
		for _, id := range w.ids {
			w.byID.Add(id, true)
		}
	}
	return w
}

// withDone adds which tickets of the wave are done, where one of the tickets
// depends on others. What cannot be read holds nobody back less than before.
func (d *Deps) withDone(ctx context.Context, w wave, tickets ...*ticket.Ticket) (wave, string) {
	w = w.indexed()
	depends := slices.ContainsFunc(tickets,
		func(t *ticket.Ticket) bool { return len(t.DependsOn)+len(t.After) > 0 })
	if !w.known || !depends {
		return w, ""
	}
	var err error
	if w.done, err = d.Journal.Completed(ctx, w.ids); err != nil {
		return w, "journal not readable, so completed dependencies were not considered: " + err.Error()
	}
	return w, ""
}

// waits gives the open tickets of the wave that a ticket waits for: by what it states,
// and by what the order or the phases of its file say. said is a reference that was
// found under another prefix.
func (w wave) waits(t *ticket.Ticket) (ids []string, said string) {
	x := w.indexed().byID
	for _, ref := range slices.Concat(t.DependsOn, t.After) {
		e, found, other := ticket.Entry{}, false, false
		if w.index != nil {
			e, found, other = w.index.Find(ref, !t.IDStatesKind)
		}
		switch {
		case found && !e.Open:
			continue // done
		case found: // it counts where it is of the wave
			e, found, _ = x.Find(e.ID, false)
		default:
			e, found, other = x.Find(ref, !t.IDStatesKind)
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

// decide settles whether the local model may have the ticket. The guard is
// asked only for a ticket that every other rule lets through, since it counts
// eligible tickets.
func (d *Deps) decide(ctx context.Context, j *judged, w wave) (warning string) {
	state, err := d.Journal.TicketState(ctx, j.id)
	if err != nil {
		warning = "journal not readable, so past outcomes were not considered: " + err.Error()
	}
	j.owner = state.Owner()
	facts := j.facts(w)
	facts.Escalated = string(state.EscalatedAt)
	facts.Guard = policy.Verdict{Admit: true, Why: "not asked: another rule decides"}
	_, said := w.waits(&j.ticket)
	warning = contract.Join(warning, said)
	ok, _, _ := policy.Eligible(facts)
	switch {
	case !ok:
	case err != nil:
		facts.Guard.Why = "not asked: the journal is not readable"
	case state.Phase == policy.PhaseLocal && d.Guard.Mode != policy.Never:
		facts.Guard.Why = "not asked: its local attempt is open"
	default:
		if facts.Guard, err = d.admit(ctx, j); err != nil {
			warning = "journal not readable, so the guard was not asked: " + err.Error()
			facts.Guard = policy.Verdict{Admit: true, Why: "not asked: the journal is not readable"}
		}
	}
	j.guard = facts.Guard.Why
	j.local, j.deciding, j.rules = policy.Eligible(facts)
	return warning
}

// facts are what eligibility depends on, but for the journal's part.
func (j judged) facts(w wave) policy.Facts {
	waits, _ := w.waits(&j.ticket)
	f := policy.Facts{
		ID: j.id, Complexity: j.class.Complexity, Tags: j.stated.Tags, Files: j.stated.Files,
		SizeUnknown: j.class.SizeUnknown, Sure: j.sure,
		DependsOn: waits, Wave: w.ids, WaveKnown: w.known,
	}
	if len(f.Files) == 0 && len(j.stated.FilesFromText) > 0 {
		f.Files, f.FilesFromText = j.stated.FilesFromText, true
	}
	return f
}

// admit asks the quality guard for this ticket, in one transaction of the
// journal.
func (d *Deps) admit(ctx context.Context, j *judged) (policy.Verdict, error) {
	var totals policy.Totals
	if d.Guard.Mode == policy.Fixed {
		stats, err := d.Journal.Stats(ctx)
		if err != nil {
			return policy.Verdict{}, err
		}
		totals = policy.Totals{Attempts: stats.TotalAttempts, Escalated: stats.EscalatedToCloud}
	}
	key, err := d.guardRecord(ctx, j)
	if err != nil {
		return policy.Verdict{}, err
	}
	var verdict policy.Verdict
	err = d.Journal.Admit(ctx, key, j.id, func(state, memo []byte) (newState, newMemo []byte, err error) {
		verdict, newState, newMemo, err = d.Guard.Admit(recordName(key), j.id, state, memo, totals, time.Now())
		return newState, newMemo, err
	})
	if key.Category != "" && !verdict.Probe && verdict.Admit {
		verdict.Why += " (" + recordName(key) + ")"
	}
	return verdict, err
}

// guardRecord is the record that decides for a ticket: that of its category
// among tickets as hard, once it has enough outcomes, else that of all of them.
func (d *Deps) guardRecord(ctx context.Context, j *judged) (statestore.GuardKey, error) {
	states, err := d.Journal.GuardStates(ctx)
	key := d.guardKey(ctx, j)
	if !policy.ParseGuardState(states[key]).Decides() {
		key.Category = ""
	}
	return key, err
}

// guardKey is the record that a ticket's attempt counts in.
func (d *Deps) guardKey(ctx context.Context, j *judged) statestore.GuardKey {
	return statestore.GuardKey{Class: j.class.Complexity, Category: j.class.Category, Digest: d.guardDigest(ctx)}
}

// recordName is a record in words: "low", or "low BUG".
func recordName(key statestore.GuardKey) string {
	return strings.TrimSpace(key.Class + " " + key.Category)
}

// guardDigest names whose record the guard keeps: this model's weights under
// these prompts. It falls back to the last digest known, so that an Ollama
// that is down does not change who is judged.
func (d *Deps) guardDigest(ctx context.Context) string {
	digest := d.Asker.Digest(ctx)
	if digest == "" {
		if known, err := d.Journal.KnownDigest(ctx, d.Model); err == nil {
			digest = known
		}
	}
	return digest + "/" + prompts.Version
}

// refused is why a rule that looks at the ticket alone keeps it from the local
// model, "" where none does.
func (j judged) refused() string {
	for _, rule := range j.rules {
		if !rule.OK && slices.Contains([]string{"complexity", "tags", "files"}, rule.Name) {
			return rule.Why
		}
	}
	return ""
}

// remember writes the decision down for a plan of the same content.
func (d *Deps) remember(ctx context.Context, j judged, w wave) error {
	return d.Journal.SaveDecision(ctx, statestore.Decision{
		Hash: j.ticket.Hash, TicketID: j.id, Source: j.ticket.Source, Category: j.class.Category,
		Complexity: j.class.Complexity,
		By:         j.by, Why: j.deciding.Why, Local: j.local, Refused: j.refused(), Wave: w.ids, WaveKnown: w.known,
		Digest: d.guardDigest(ctx), At: time.Now(),
	})
}

// asUnanswered separates "no tier had an answer", for which the rules answer, from
// a call that is over.
func asUnanswered(ctx context.Context, err error) (*routing.Unanswered, error) {
	//nolint:errorlint // Complete's contract: exactly this type or the context's error
	u, ok := err.(*routing.Unanswered)
	if !ok || ctx.Err() != nil {
		return nil, err
	}
	return u, nil
}

// progress passes what a model call reports on to the client.
type progress func(done, total float64, message string)

func (p progress) tokens(id string) func(string, int, int) {
	if p == nil {
		return nil
	}
	return func(message string, _, _ int) { p(0, 0, plain.Clip(id+": "+message, 120)) }
}
