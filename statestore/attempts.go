package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// maxPlan bounds a stored plan, bytes.
const maxPlan = 64 << 10

// kindPlan is a plan that is kept for a server.
const kindPlan = "plan"

// RecordPlan notes a plan that was handed over, on disk before it returns. One
// of the local model opens an attempt, unless the ticket was escalated; while
// one is open it stays the same one, with the new plan, whoever made that. Where a server cannot be
// reached it is kept and delivered, and the decision is what this process knows.
func (s *Store) RecordPlan(ctx context.Context, p Plan) (policy.Decision, error) {
	var d policy.Decision
	var state policy.TicketState
	now, wrote := s.Now(), false
	keep := func(rows []outbox.Row) (any, error) {
		h, err := s.history(p.TicketID, rows)
		_, d = policy.OnPlan(h.state, p.ByLocal, p.By)
		wrote = false
		return p, err
	}
	entry := outbox.Entry{Kind: kindPlan, Ticket: p.TicketID}
	err := s.Deliver(ctx, entry, keep, func(ctx context.Context, tx sqldb.Q, project *journal.Project) (err error) {
		state, d, err = recordPlan(ctx, tx, project, p, now)
		wrote = true
		return err
	})
	if err == nil && wrote && s.Outbox() != nil {
		s.memory.note(p.TicketID, state, "", reply{})
	}
	return d, err
}

func recordPlan(ctx context.Context, tx sqldb.Q, project *journal.Project, p Plan, now time.Time) (state policy.TicketState,
	d policy.Decision, err error) {
	t, err := readTicket(ctx, tx, project.ID, p.TicketID)
	if err != nil {
		return state, d, err
	}
	before := t.TicketState
	state, d = policy.OnPlan(before, p.ByLocal, p.By)
	t.TicketState = state
	p.Text, p.Model = journal.Clip(p.Text, maxPlan), journal.Clip(p.Model, journal.MaxField)
	switch {
	case d.OpensAttempt:
		t.key, t.quality = p.Key.Bounded(), nil
		if t.Attempt, err = insertAttempt(ctx, tx, project.ID, p.TicketID, t.key, p.Text, p.Model, now); err != nil {
			return state, d, err
		}
	case t.Attempt != 0:
		model := sql.NullString{String: p.Model, Valid: p.ByLocal}
		if err := tx.Exec(ctx, `UPDATE attempts SET plan = ?, planner = ?, model = COALESCE(?, model) WHERE id = ?`,
			p.Text, p.planner(), model, t.Attempt); err != nil {
			return state, d, err
		}
	case state == before:
		return state, d, nil
	}
	project.Seq++
	if err := t.save(ctx, tx, project.ID, p.TicketID); err != nil {
		return state, d, err
	}
	return state, d, project.Save(ctx, tx, now)
}

func insertAttempt(ctx context.Context, tx sqldb.Q, project int64, ticket string, key guard.Key, plan, model string, now time.Time) (int64, error) {
	return tx.Insert(ctx, `INSERT INTO attempts (project, ticket, class, category, digest, opened, closed, state, plan, planner, model)
VALUES (?, ?, ?, ?, ?, ?, 0, 'open', ?, '', ?)`, project, ticket, key.Class, key.Category, key.Digest, now.UnixMilli(), plan, model)
}

// classified reads which rule keeps the ticket from the local model, "" where
// none does or it is not asked for, and under which record an attempt falls.
func (t *recording) classified() (refused string, err error) {
	if t.o.Route != policy.OwnerLocal || t.ticket.Attempt != 0 || t.ticket.Phase == policy.PhaseEscalated {
		return "", nil
	}
	key := t.o.Default
	err = t.tx.Row(t.ctx, `SELECT complexity, category, digest, refused FROM decisions WHERE project = ? AND ticket = ? ORDER BY +at DESC LIMIT 1`,
		t.project.ID, t.o.TicketID).Scan(&key.Class, &key.Category, &key.Digest, &refused)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read decision: %w", err)
	}
	if key.Class == "" {
		key.Class = string(policy.Medium)
	}
	if t.o.Default.Category == "" {
		key.Category = "" // the guard does not distinguish categories
	}
	t.ticket.key = key.Bounded()
	return refused, nil
}

// close moves the counters and the guard.
func (t *recording) close(v policy.Decision) error {
	state, gate := "escalated", t.o.Gate
	if v.Succeeded {
		state, gate = "done", ""
	}
	t.project.Close(gate, t.ticket.quality)
	// What was done needs no hand-off any more.
	var model string
	if err := t.tx.Row(t.ctx, `UPDATE attempts SET state = ?, closed = ?, quality = ?, plan = CASE WHEN ? = 'done' THEN '' ELSE plan END
WHERE id = ? RETURNING model`, state, max(t.now.UnixMilli(), 1), t.ticket.quality, state, t.ticket.Attempt).Scan(&model); err != nil {
		return fmt.Errorf("close attempt: %w", err)
	}
	if err := t.figure(model, gate, 1, 0); err != nil {
		return err
	}
	if err := calls.SettlePlans(t.ctx, t.tx, t.project.ID, t.o.TicketID, !v.Succeeded); err != nil {
		return err
	}
	if t.step != nil {
		for _, key := range t.ticket.key.Cells() {
			step := func(state []byte) ([]byte, error) {
				return t.step(state, Closed{TicketID: t.o.TicketID, Key: key, Escalated: !v.Succeeded})
			}
			if err := guard.Move(t.ctx, t.tx, t.project.ID, key, step); err != nil {
				return err
			}
		}
	}
	t.ticket.Attempt, t.ticket.quality = 0, nil
	return guard.ForgetTicket(t.ctx, t.tx, t.project.ID, t.o.TicketID)
}

// escalated reads what was escalated, up to an outcome: a local attempt, or the
// cloud's outcomes since the last commit.
func (t *recording) escalated(attempt, upTo int64) (*Attempt, error) {
	a := &Attempt{TicketID: t.o.TicketID, Owner: policy.OwnerCloud}
	if attempt != 0 {
		a.Owner = policy.OwnerLocal
		err := t.tx.Row(t.ctx, `SELECT plan, planner, model FROM attempts WHERE id = ?`, attempt).Scan(&a.Plan, &a.Planner, &a.Model)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil //nolint:nilnil // older than retention: there is none any more
		}
		if err != nil {
			return nil, fmt.Errorf("read attempt: %w", err)
		}
	}
	err := t.tx.Each(t.ctx, `SELECT gate, pass, evidence FROM outcomes
WHERE project = ? AND ticket = ? AND attempt = ? AND id <= ? ORDER BY id DESC LIMIT ?`, []any{t.project.ID, t.o.TicketID, attempt, upTo, maxOutcomes},
		func(r sqldb.Row) error {
			var o OutcomeRow
			var pass int
			err := r.Scan(&o.Gate, &pass, &o.Evidence)
			o.Pass = pass == 1
			a.Outcomes = append(a.Outcomes, o)
			return err
		})
	commit := slices.IndexFunc(a.Outcomes, func(o OutcomeRow) bool { return o.Gate == policy.Commit && o.Pass })
	if attempt == 0 && commit >= 0 {
		a.Outcomes = a.Outcomes[:commit]
	}
	slices.Reverse(a.Outcomes)
	return a, err
}

// maxOutcomes bounds what a hand-off reads: the latest.
const maxOutcomes = 100
