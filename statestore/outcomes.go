package statestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Record writes one outcome: the row, the ticket, the counters and the guard
// (through step, called for each of its records exactly when a local attempt
// closes) in one transaction, on disk before it returns.
//
// Where the journal is a Postgres server that cannot be reached, the outcome is
// on disk in the local journal instead; a warning says so, and it is delivered,
// once, when the server is back.
func (s *Store) Record(ctx context.Context, o Outcome, step Step) (Recorded, error) {
	if s.Outbox() != nil {
		return s.recordRemote(ctx, o, step)
	}
	return s.record(ctx, delivered{}, o, s.Now(), step)
}

func (s *Store) record(ctx context.Context, d delivered, o Outcome, now time.Time, step Step) (Recorded, error) {
	if !o.Gate.Valid() {
		return Recorded{}, fmt.Errorf("unknown gate %q", o.Gate)
	}
	var before *projection.Stats
	var looked bool
	var t *recording
	err := s.WriteOnce(ctx, d.number, func(ctx context.Context, tx sqldb.Q) error {
		if !looked && !s.HasImported(tx.Database()) {
			before, looked = s.Before(ctx), true
		}
		t = &recording{ctx: ctx, tx: tx, s: s, o: o, before: before, now: now, step: step, kept: d}
		return t.run()
	})
	if err != nil {
		return Recorded{}, err
	}
	if t == nil { // delivered before, by a process that was killed then
		return Recorded{}, s.confirm(ctx, o, d)
	}
	if s.Outbox() != nil {
		answered := t.reply
		if !t.reply.Repeated {
			answered = d.asDelivered(t.reply)
		}
		s.memory.note(o.TicketID, t.ticket.TicketState, o.key(), reply{payload: o.payload(), reply: answered})
	}
	if t.reply.Repeated {
		return t.reply, nil
	}
	s.Recorded(t.tx.Database(), &t.project)
	t.reply.Warnings = append(t.reply.Warnings, s.Warnings()...)
	return t.reply, nil
}

// key is what makes the outcome one and the same; "" = every call counts.
func (o Outcome) key() string {
	switch {
	case o.EventID != "":
		return "event:" + o.EventID
	case o.ToolUseID != "":
		return "use:" + o.ToolUseID
	}
	return ""
}

// payload is a digest of what an outcome says.
func (o Outcome) payload() string {
	quality := "-"
	if o.Quality != nil {
		quality = strconv.FormatFloat(*o.Quality, 'g', -1, 64)
	}
	text := make([]byte, 0, 64+len(o.Evidence))
	for _, word := range []string{string(o.Gate), string(o.Outcome), string(o.Route), quality, string(o.Draft), o.Evidence} {
		text = append(append(text, word...), 0)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// recording is one transaction of Record.
type recording struct {
	ctx    context.Context //nolint:containedctx // lives for one transaction
	tx     sqldb.Q
	s      *Store
	o      Outcome
	before *projection.Stats // what the state file counted, where it is known
	now    time.Time
	step   Step
	kept   delivered

	project journal.Project
	ticket  Ticket
	reply   Recorded
}

// first is what is stored under the outcome's key already.
type first struct {
	id, attempt    int64
	payload, reply string
}

const lookQuery = `SELECT ` + journal.Columns + `, ` + ticketColumns + `,
COALESCE(o.id, 0), COALESCE(o.attempt, 0), COALESCE(o.payload, ''), COALESCE(o.reply, '') FROM projects p
LEFT JOIN tickets t ON t.project = p.id AND t.ticket = ?
LEFT JOIN outcomes o ON o.project = p.id AND o.ticket = ? AND o.event = ?
WHERE p.name = ?`

// run reads the project, the ticket and the key in one statement.
func (t *recording) run() error {
	var stored first
	into, unpack := t.ticket.scan()
	args := []any{t.o.TicketID, t.o.TicketID, t.o.key(), t.s.Project()}
	into = append(into, &stored.id, &stored.attempt, &stored.payload, &stored.reply)
	if err := t.s.Look(t.ctx, t.tx, &t.project, lookQuery, args, into...); err != nil {
		return err
	}
	unpack()
	if stored.id != 0 {
		return t.repeat(stored)
	}
	if n := eventNumber(t.o.TicketID, t.o.Gate, t.o.EventID); t.ticket.pruned && n > 0 && n <= t.ticket.runs[gateIndex(t.o.Gate)] {
		return fmt.Errorf("%w (ticket %s): it is older than what the journal keeps; %s is free", ErrConflict, t.o.TicketID,
			t.ticket.nextEventID(t.o.TicketID, t.o.Gate))
	}
	return t.count()
}

// repeat gives the first reply again, with the counters of now.
func (t *recording) repeat(stored first) (err error) {
	free := t.ticket.nextEventID(t.o.TicketID, t.o.Gate)
	if stored.payload != t.o.payload() {
		return fmt.Errorf("%w (ticket %s); %s is free", ErrConflict, t.o.TicketID, free)
	}
	if err = json.Unmarshal([]byte(stored.reply), &t.reply); err != nil {
		return fmt.Errorf("stored reply: %w", err)
	}
	t.reply.Repeated, t.reply.IfNewEventID, t.reply.Stats = true, free, t.project.Stats()
	if t.reply.Action == policy.Escalate {
		t.reply.Attempt, err = t.escalated(stored.attempt, stored.id)
	}
	return err
}

// count counts an outcome not seen before.
func (t *recording) count() error {
	refused, err := t.classified()
	if err != nil {
		return err
	}
	state, v := policy.OnOutcome(t.ticket.TicketState, policy.GateOutcome{TicketID: t.o.TicketID, Gate: t.o.Gate, Outcome: t.o.Outcome,
		Route: t.o.Route, Eligible: refused == "", IneligibleWhy: refused})
	t.ticket.TicketState = state
	if v.OpensAttempt {
		key := t.ticket.key
		t.ticket.quality = nil
		if t.ticket.Attempt, err = insertAttempt(t.ctx, t.tx, t.project.ID, t.o.TicketID, key, "", "", t.now); err != nil {
			return err
		}
	}
	attempt := t.ticket.Attempt
	if t.o.Quality != nil && attempt != 0 {
		t.ticket.quality = t.o.Quality
	}
	late := t.project.Recorded(t.now)
	if t.before != nil {
		t.project.TakeOver(*t.before)
	}
	if v.ClosesAttempt {
		if err := t.close(v); err != nil {
			return err
		}
	}
	draftWarning, err := t.draft()
	if err != nil {
		return err
	}
	t.ticket.ran(t.o.TicketID, t.o.Gate, t.o.EventID)
	t.reply = Recorded{Action: v.Action, EscalateTo: v.EscalateTo, Message: v.Message, Changed: v.Changed, Route: v.Owner,
		Owner: v.OwnerAfter(state), Stats: t.project.Stats(), NextEventID: t.ticket.nextEventID(t.o.TicketID, t.o.Gate.Next(t.o.Outcome))}
	for _, text := range []string{v.Warning, draftWarning, late} {
		if text != "" {
			t.reply.Warnings = append(t.reply.Warnings, text)
		}
	}
	return t.save(attempt, v)
}

// draft notes what became of the ticket's draft, and that its change came to a
// commit. The warning says what was not counted.
func (t *recording) draft() (warning string, err error) {
	switch {
	case t.o.Gate == policy.Commit && t.o.Pass():
		return "", drafts.Committed(t.ctx, t.tx, t.project.ID, t.o.TicketID, t.now)
	case t.o.Draft != "":
		return drafts.Used(t.ctx, t.tx, t.project.ID, t.o.TicketID, t.o.Draft, t.now)
	}
	return "", nil
}

// storedReply is what is stored of a reply.
type storedReply struct {
	Recorded
	// RefusedPlan is the local attempt's plan that its gate refused: a later one
	// replaces it in the attempt.
	RefusedPlan string `json:"refused_plan,omitempty"`
}

// save writes the rows, but for the attempt's own: see close.
func (t *recording) save(attempt int64, v policy.Decision) error {
	stored := storedReply{Recorded: t.kept.asDelivered(t.reply)}
	if attempt != 0 && t.o.Gate == policy.Plan && !t.o.Pass() {
		if err := t.tx.Row(t.ctx, `SELECT plan FROM attempts WHERE id = ?`, attempt).Scan(&stored.RefusedPlan); err != nil {
			return fmt.Errorf("read plan: %w", err)
		}
	}
	reply, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	var event any
	if key := t.o.key(); key != "" {
		event = key
	}
	id, err := t.tx.Insert(t.ctx, `INSERT INTO outcomes (project, ticket, event, attempt, gate, pass, quality, evidence, route, at, payload, reply)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, t.project.ID, t.o.TicketID, event, attempt, string(t.o.Gate), sqldb.Flag(t.o.Pass()),
		t.o.Quality, t.o.Evidence, string(v.Owner), t.now.UnixMilli(), t.o.payload(), string(reply))
	if err != nil {
		return fmt.Errorf("insert outcome: %w", err)
	}
	if err := t.ticket.save(t.ctx, t.tx, t.project.ID, t.o.TicketID); err != nil {
		return fmt.Errorf("write ticket: %w", err)
	}
	if err := t.project.Save(t.ctx, t.tx, t.now); err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	if v.Action == policy.Escalate {
		if t.reply.Attempt, err = t.escalated(attempt, id); err != nil {
			return err
		}
		if a := t.reply.Attempt; a != nil && v.ClosesAttempt {
			if err := t.figure(a.Model, t.o.Gate, 0, min(a.size(), maxHandOff)); err != nil {
				return err
			}
		}
	}
	return t.s.RestartSequence(t.ctx, t.tx)
}
