package statestore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// While the server is away an outcome is answered from what is known here: where
// the ticket was when this process last saw it on the server, and what was
// kept of it since. The reply is kept with the outcome and delivered with it, so
// that a repetition gets it again, before and after.

// IsAway reports whether the server was not reached: outcomes are kept meanwhile.
func IsAway(err error) bool { return errors.Is(err, sqldb.ErrLost) }

// kindOutcome is an outcome that is kept for a server.
const kindOutcome = "outcome"

// keptOutcome is an outcome that is kept, with the reply it was given.
type keptOutcome struct {
	Outcome
	Reply Recorded
}

// delivered says how an outcome comes to the server.
type delivered struct {
	number string    // of the delivery; "" = none
	reply  *Recorded // that was given while it was kept; nil = it was not kept
}

// recordRemote records on the server, or keeps the outcome for it.
func (s *Store) recordRemote(ctx context.Context, o Outcome, step Step) (Recorded, error) {
	s.DeliverWith(step)
	number := rand.Text()
	err := s.Outbox().DeliverFirst(ctx)
	if err == nil {
		var r Recorded
		if r, err = s.record(ctx, delivered{number: number}, o, s.Now(), step); err == nil {
			return r, nil
		}
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return Recorded{}, err
	}
	r, kept := s.keepOutcome(ctx, number, o)
	switch {
	case errors.Is(kept, ErrConflict):
		return Recorded{}, kept
	case kept != nil:
		return Recorded{}, fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	if last, found := s.Written(ctx); found {
		r.Stats = last
	}
	r.Warnings = append(r.Warnings, "stats are the last known ones, since Postgres cannot be reached")
	r.Warnings = append(r.Warnings, s.Warnings()...)
	return r, nil
}

// sendOutcome records an outcome that was kept.
func (s *Store) sendOutcome(ctx context.Context, r outbox.Row) error {
	step := s.step.Load()
	if step == nil {
		return outbox.ErrNotYet
	}
	var k keptOutcome
	if err := json.Unmarshal(r.Body, &k); err != nil {
		return err
	}
	_, err := s.record(ctx, delivered{number: r.Delivery, reply: &k.Reply}, k.Outcome, r.At, *step)
	return err
}

// keepOutcome writes an outcome down with its reply, or answers a repetition.
func (s *Store) keepOutcome(ctx context.Context, number string, o Outcome) (r Recorded, err error) {
	now := s.Now()
	err = s.Outbox().Keep(ctx, o.TicketID, now, func(rows []outbox.Row) (*outbox.Entry, error) {
		h, err := s.history(o.TicketID, rows)
		if err != nil {
			return nil, err
		}
		first, found := h.answered[o.key()]
		if !found {
			r = h.answer(o, now.UnixMilli())
			return &outbox.Entry{Kind: kindOutcome, Delivery: number, Ticket: o.TicketID, Event: o.key(), Payload: o.payload(),
				Body: keptOutcome{Outcome: o, Reply: r}}, nil
		}
		free := h.freeEventID(o.TicketID, o.Gate, now.UnixMilli())
		if first.payload != o.payload() {
			return nil, fmt.Errorf("%w (ticket %s); %s is free", ErrConflict, o.TicketID, free)
		}
		r = first.reply
		r.Warnings = slices.Clone(r.Warnings)
		r.Repeated, r.IfNewEventID = true, free
		return nil, nil //nolint:nilnil // a repetition is not kept
	})
	return r, err
}

// reply is what an outcome said, and what it was answered.
type reply struct {
	payload string
	reply   Recorded
}

// history is what is known of a ticket without the server.
type history struct {
	state    policy.TicketState
	answered map[string]reply // by key
	plan     Plan             // the local attempt's last that was kept
	outcomes []OutcomeRow     // that were kept, at most maxOutcomes, the latest
}

// history puts what was kept of a ticket onto what is remembered of it. That of
// no ticket is empty.
func (s *Store) history(ticket string, kept []outbox.Row) (h history, err error) {
	if ticket == "" {
		return h, nil
	}
	h = s.memory.recall(ticket)
	for _, r := range kept {
		if err := h.add(r.Kind, r.Event, r.Payload, r.Body); err != nil {
			return h, fmt.Errorf("a kept %s of %s: %w", r.Kind, ticket, err)
		}
	}
	return h, nil
}

// add moves the history by one row that was kept.
func (h *history) add(kind, event, payload string, body []byte) error {
	switch kind {
	case kindPlan:
		var p Plan
		if err := json.Unmarshal(body, &p); err != nil {
			return err
		}
		h.state, _ = policy.OnPlan(h.state, p.ByLocal, p.By)
		if h.state.Phase == policy.PhaseLocal {
			h.plan = p
		}
	case kindOutcome:
		var k keptOutcome
		if err := json.Unmarshal(body, &k); err != nil {
			return err
		}
		d := h.move(k.Outcome)
		if d.Action == policy.Escalate {
			k.Reply.Attempt = h.attempt(k.Outcome, d)
		}
		if event != "" {
			h.answered[event] = reply{payload: payload, reply: k.Reply}
		}
	}
	return nil
}

// move is what an outcome leads to.
func (h *history) move(o Outcome) (d policy.Decision) {
	h.state, d = policy.OnOutcome(h.state, policy.GateOutcome{
		TicketID: o.TicketID, Gate: o.Gate, Outcome: o.Outcome, Route: o.Route, Eligible: true,
	})
	h.outcomes = append(h.outcomes, OutcomeRow{Gate: o.Gate, Pass: o.Pass(), Evidence: o.Evidence})
	h.outcomes = h.outcomes[max(0, len(h.outcomes)-maxOutcomes):]
	return d
}

// attempt is what was escalated, as far as it was kept.
func (h *history) attempt(o Outcome, d policy.Decision) *Attempt {
	a := &Attempt{TicketID: o.TicketID, Owner: d.Owner, Outcomes: slices.Clone(h.outcomes)}
	if d.Owner == policy.OwnerLocal {
		a.Plan, a.Planner = h.plan.Text, h.plan.planner()
	}
	return a
}

// answer answers an outcome that waits to be sent, at a time in Unix milliseconds.
func (h *history) answer(o Outcome, now int64) Recorded {
	d := h.move(o)
	r := Recorded{
		Action: d.Action, EscalateTo: d.EscalateTo, Message: d.Message, Changed: d.Changed,
		Route: d.Owner, Owner: d.OwnerAfter(h.state), Stats: projection.Stats{FailuresByType: map[string]int{}},
	}
	r.NextEventID = h.freeEventID(o.TicketID, o.Gate.Next(o.Outcome), now)
	if d.Action == policy.Escalate {
		r.Attempt = h.attempt(o, d)
	}
	if d.Warning != "" {
		r.Warnings = append(r.Warnings, d.Warning)
	}
	r.Warnings = append(r.Warnings,
		"answered while Postgres was away: action considers only the outcomes that were known here")
	return r
}

// freeEventID is a key that nothing was kept under. The server counts runs; a
// number of time's own, above maxRun, meets none of its.
func (h *history) freeEventID(ticket string, gate policy.Gate, now int64) string {
	for ; ; now++ {
		id := fmt.Sprintf("%s:%s:%d", ticket, gate, now)
		if _, used := h.answered[Outcome{EventID: id}.key()]; !used {
			return id
		}
	}
}

// asDelivered is the reply that a repetition gets once the outcome is on the
// server: the first one. Where the server decided otherwise, since it knew
// outcomes of others, that is said with it.
func (d delivered) asDelivered(now Recorded) Recorded {
	if d.reply == nil {
		return now
	}
	r := *d.reply
	if r.Action != now.Action || r.Owner != now.Owner {
		r.Warnings = append(slices.Clone(r.Warnings), fmt.Sprintf(
			"when Postgres was back, with all that it knew, this outcome was counted as action %s, owner %s: go by that",
			now.Action, now.Owner))
	}
	return r
}

// confirm stores the first reply of an outcome that the server had taken without
// confirming it: it stored one of its own then.
func (s *Store) confirm(ctx context.Context, o Outcome, d delivered) error {
	if d.reply == nil || o.key() == "" {
		return nil
	}
	return s.Write(ctx, func(ctx context.Context, tx sqldb.Q, project *journal.Project) error {
		text, err := tx.Text(ctx, `SELECT reply FROM outcomes WHERE project = ? AND ticket = ? AND event = ?`, project.ID, o.TicketID, o.key())
		if err != nil || text == nil {
			return err
		}
		var stored storedReply
		if err := json.Unmarshal(text, &stored); err != nil {
			return fmt.Errorf("stored reply: %w", err)
		}
		if stored.NextEventID == d.reply.NextEventID {
			return nil
		}
		stored.Recorded = d.asDelivered(stored.Recorded)
		first, err := json.Marshal(stored)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, `UPDATE outcomes SET reply = ? WHERE project = ? AND ticket = ? AND event = ?`,
			string(first), project.ID, o.TicketID, o.key())
	})
}

// maxRemembered bounds the tickets of memory.
const maxRemembered = 50

// memory is what this process last saw of tickets on the server.
type memory struct {
	mu      sync.Mutex
	tickets map[string]history
}

// note remembers a ticket's state and, where there is a key, what was
// answered under it. Any other ticket is forgotten for it when there are many.
func (m *memory) note(ticket string, state policy.TicketState, event string, last reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tickets == nil {
		m.tickets = map[string]history{}
	}
	h, known := m.tickets[ticket]
	if !known && len(m.tickets) >= maxRemembered {
		for other := range m.tickets {
			delete(m.tickets, other)
			break
		}
	}
	h.state = state
	if event != "" {
		h.answered = map[string]reply{event: last}
	}
	m.tickets[ticket] = h
}

func (m *memory) recall(ticket string) history {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := history{state: m.tickets[ticket].state, answered: map[string]reply{}}
	maps.Copy(h.answered, m.tickets[ticket].answered)
	return h
}
