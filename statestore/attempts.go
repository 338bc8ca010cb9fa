package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// The states of an attempt.
const (
	stateOpen      = "open"
	stateDone      = "done"
	stateEscalated = "escalated"
)

// Bounds of stored texts, bytes.
const (
	maxPlan  = 64 << 10
	maxField = 1000
)

// RecordPlan notes a plan that was handed over, on disk before it returns. One
// of the local model opens an attempt, unless the ticket was escalated; while
// one is open it stays the same one, with the new plan, whoever made that. Where a server cannot be
// reached it is kept and delivered, and the decision is what this process knows.
func (s *Store) RecordPlan(ctx context.Context, p Plan) (policy.Decision, error) {
	var d policy.Decision
	var state policy.TicketState
	now, wrote := s.o.Now(), false
	e := outbox.Entry{Kind: kindPlan, Ticket: p.TicketID}
	kept := func(h history) any {
		_, d = policy.OnPlan(h.state, p.ByLocal, p.By)
		wrote = false
		return p
	}
	err := s.deliverEntry(ctx, e, kept, func(ctx context.Context, tx sqldb.Q, project *projectRow) (err error) {
		state, d, err = recordPlan(ctx, tx, project, p, now)
		wrote = true
		return err
	})
	if err == nil && wrote && s.pending.box != nil {
		s.pending.memory.note(p.TicketID, state, "", reply{})
	}
	return d, err
}

func recordPlan(ctx context.Context, tx sqldb.Q, project *projectRow, p Plan, now time.Time) (policy.TicketState,
	policy.Decision, error) {
	t, err := readTicket(ctx, tx, project.id, p.TicketID)
	if err != nil {
		return policy.TicketState{}, policy.Decision{}, err
	}
	state, d := policy.OnPlan(t.TicketState, p.ByLocal, p.By)
	before := t.TicketState
	t.TicketState = state
	p.Text, p.Model = clip(p.Text, maxPlan), clip(p.Model, maxField)
	switch {
	case d.OpensAttempt:
		t.key, t.quality = p.Key.bounded(), nil
		if t.Attempt, err = insertAttempt(ctx, tx, project.id, p.TicketID, t.key, p.Text, p.Model, now); err != nil {
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
	project.seq++
	if err := t.save(ctx, tx, project.id, p.TicketID); err != nil {
		return state, d, err
	}
	return state, d, project.save(ctx, tx, now)
}

func insertAttempt(ctx context.Context, tx sqldb.Q, project int64, ticket string, key GuardKey, plan, model string, now time.Time) (int64, error) {
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
		t.project.id, t.o.TicketID).Scan(&key.Class, &key.Category, &key.Digest, &refused)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read decision: %w", err)
	}
	if key.Class == "" {
		key.Class = string(policy.Medium)
	}
	if t.o.Default.Category == "" {
		key.Category = "" // the guard does not distinguish categories
	}
	t.ticket.key = key.bounded()
	return refused, nil
}

// open opens an attempt for a ticket whose outcome says that it is local's.
func (t *recording) open() (err error) {
	t.ticket.quality = nil
	t.ticket.Attempt, err = insertAttempt(t.ctx, t.tx, t.project.id, t.o.TicketID, t.ticket.key, "", "", t.now)
	return err
}

// close moves the counters and the guard.
func (t *recording) close(v policy.Decision) error {
	state, gate := stateEscalated, string(t.o.Gate)
	t.project.escalated++
	if v.Succeeded {
		state, gate = stateDone, ""
		t.project.escalated--
		t.project.success++
	} else {
		t.project.failures[gate]++
	}
	if q := t.ticket.quality; q != nil {
		t.project.qualitySum, t.project.qualityN = t.project.qualitySum+*q, t.project.qualityN+1
	}
	// What was done needs no hand-off any more.
	var model string
	if err := t.tx.Row(t.ctx, `UPDATE attempts SET state = ?, closed = ?, quality = ?, plan = CASE WHEN ? = 'done' THEN '' ELSE plan END
WHERE id = ? RETURNING model`, state, max(t.now.UnixMilli(), 1), t.ticket.quality, state, t.ticket.Attempt).Scan(&model); err != nil {
		return fmt.Errorf("close attempt: %w", err)
	}
	if err := t.figure(model, gate, 1, 0); err != nil {
		return err
	}
	if err := calls.SettlePlans(t.ctx, t.tx, t.project.id, t.o.TicketID, !v.Succeeded); err != nil {
		return err
	}
	if err := t.settleGuard(!v.Succeeded); err != nil {
		return err
	}
	t.ticket.Attempt, t.ticket.quality = 0, nil
	return nil
}

// escalated reads what was escalated, up to an outcome: a local attempt, or the
// cloud's outcomes since the last commit.
func (t *recording) escalated(attempt, upTo int64) (*Attempt, error) {
	a := &Attempt{TicketID: t.o.TicketID, Owner: policy.OwnerCloud}
	if attempt != 0 {
		a.Owner = policy.OwnerLocal
		err := a.scan(t.tx.Row(t.ctx, selectAttempt+` WHERE id = ?`, attempt))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil //nolint:nilnil // older than retention: there is none any more
		}
		if err != nil {
			return nil, fmt.Errorf("read attempt: %w", err)
		}
	}
	rows, err := t.tx.Rows(t.ctx, `SELECT at, gate, pass, quality, evidence, route FROM outcomes
WHERE project = ? AND ticket = ? AND attempt = ? AND id <= ? ORDER BY id DESC LIMIT ?`, t.project.id, t.o.TicketID, attempt, upTo, maxOutcomes)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var o OutcomeRow
		if err := o.scan(rows); err != nil {
			return nil, err
		}
		if attempt == 0 && o.Gate == policy.Commit && o.Pass {
			break
		}
		a.Outcomes = append([]OutcomeRow{o}, a.Outcomes...)
	}
	return a, rows.Err()
}

// maxOutcomes bounds what a hand-off reads: the latest.
const maxOutcomes = 100

const selectAttempt = `SELECT id, ticket, class, category, digest, opened, closed, state, plan, planner, model, quality FROM attempts`

// scanner is one row of a result.
type scanner interface{ Scan(dest ...any) error }

// scan reads what selectAttempt selects.
func (a *Attempt) scan(row scanner) error {
	var opened, closed int64
	if err := row.Scan(&a.ID, &a.TicketID, &a.Key.Class, &a.Key.Category, &a.Key.Digest, &opened, &closed, &a.State, &a.Plan,
		&a.Planner, &a.Model, &a.Quality); err != nil {
		return err
	}
	a.OpenedAt = time.UnixMilli(opened)
	if closed != 0 {
		a.ClosedAt = time.UnixMilli(closed)
	}
	return nil
}

// scan reads at, gate, pass, quality, evidence, route.
func (o *OutcomeRow) scan(row scanner) error {
	var at int64
	var pass int
	var gate, route string
	if err := row.Scan(&at, &gate, &pass, &o.Quality, &o.Evidence, &route); err != nil {
		return err
	}
	o.At, o.Pass, o.Gate, o.Route = time.UnixMilli(at), pass == 1, policy.Gate(gate), policy.Owner(route)
	return nil
}

// clip cuts a text to at most n bytes.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n]
}
