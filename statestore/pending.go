package statestore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Where the journal is a server, every write that must not be lost has a
// delivery number, which the server's transaction writes down. One that the
// server could not take, or did not confirm, is kept in the user's local journal
// under its number and sent again: a number that is there already is not counted
// twice, whatever was killed in between. What is kept is of one server and one
// project, and only a process of theirs sends it.

// Kinds of what is kept.
const (
	kindOutcome = "outcome"
	kindPlan    = "plan"
	kindCalls   = "calls"
	kindSettle  = "settle"
)

const (
	redeliverEvery   = 2 * time.Second
	redeliverTimeout = 30 * time.Second
)

// pending is what this process knows of what is kept.
type pending struct {
	timer   timer
	sending sync.Mutex

	count   atomic.Int64 // rows that wait
	refused atomic.Int64 // rows that the server's journal contradicts

	mu    sync.Mutex
	step  Step
	known bool // whether step is what Record is given
}

// row is one thing kept.
type row struct {
	id                   int64
	delivery, kind, body string
	at                   time.Time
}

// deliverable runs fn in a transaction; what a server cannot take now is kept
// as body and delivered later.
func (s *Store) deliverable(ctx context.Context, kind string, body any, fn func(context.Context, sqldb.Q, *projectRow) error) error {
	if s.local == nil {
		return s.write(ctx, fn)
	}
	if err := s.named(); err != nil {
		return err
	}
	delivery := rand.Text()
	err := s.deliverFirst(ctx)
	if err == nil {
		err = s.writeDelivered(ctx, delivery, fn)
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return err
	}
	_, kept := s.keep(ctx, kind, delivery, Outcome{}, body)
	if kept != nil {
		return fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	return nil
}

func (s *Store) recordRemote(ctx context.Context, o Outcome, step Step) (Recorded, error) {
	s.pending.mu.Lock()
	s.pending.step, s.pending.known = step, true
	s.pending.mu.Unlock()
	delivery := rand.Text()
	err := s.deliverFirst(ctx)
	if err == nil {
		var r Recorded
		if r, err = s.record(ctx, delivery, o, s.o.Now(), step); err == nil {
			return r, nil
		}
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return Recorded{}, err
	}
	repeated, kept := s.keep(ctx, kindOutcome, delivery, o, o)
	switch {
	case errors.Is(kept, ErrConflict):
		return Recorded{}, kept
	case kept != nil:
		return Recorded{}, fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	return s.queuedReply(ctx, o, repeated), nil
}

// queuedReply answers an outcome that waits to be sent. What the server knows of the ticket
// is not known here.
func (s *Store) queuedReply(ctx context.Context, o Outcome, repeated bool) Recorded {
	_, d := policy.OnOutcome(policy.TicketState{}, policy.GateOutcome{TicketID: o.TicketID, Gate: o.Gate, Outcome: o.Outcome,
		Route: o.Route, Eligible: true})
	r := Recorded{Action: d.Action, Repeated: repeated, Route: d.Owner, Owner: d.Owner, Stats: Stats{FailuresByType: map[string]int{}}}
	if last, found := s.mirror.file.Read(ctx); found {
		r.Stats = Stats(last)
	}
	// The server counts runs; a number of time's own meets none of its.
	r.NextEventID = fmt.Sprintf("%s:%s:%d", o.TicketID, o.Gate.Next(o.Outcome), s.o.Now().UnixMilli())
	r.Warnings = append(r.Warnings, "action does not consider earlier outcomes, and stats are the last known ones, since Postgres cannot be reached")
	r.Warnings = append(r.Warnings, s.Warnings()...)
	return r
}

// keep writes down what could not be sent. repeated says that the same outcome
// is kept already.
func (s *Store) keep(ctx context.Context, kind, delivery string, o Outcome, body any) (repeated bool, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	err = s.local.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		repeated = false
		if key := o.key(); key != "" {
			payload, err := maybe(tx.Row(ctx, `SELECT payload FROM pending
WHERE server = ? AND project = ? AND ticket = ? AND event = ? AND refused = ''`, s.server(), s.o.Project, o.TicketID, key))
			switch {
			case err != nil:
				return err
			case payload != nil && string(payload) != o.payload():
				return fmt.Errorf("%w (ticket %s)", ErrConflict, o.TicketID)
			case payload != nil:
				repeated = true
				return nil
			}
		}
		return tx.Exec(ctx, `INSERT INTO pending (server, project, delivery, kind, ticket, event, payload, body, at, refused)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')`, s.server(), s.o.Project, delivery, kind, o.TicketID, o.key(), o.payload(), string(text), s.o.Now().UnixMilli())
	})
	if err != nil {
		return false, err
	}
	s.pending.timer.after(redeliverEvery, s.redeliver)
	if err := s.countPending(ctx); err != nil { // kept it is
		s.o.Log.Warn("kept records not counted", "err", err)
	}
	return repeated, nil
}

// deliverFirst sends what waits before something newer. A local journal that
// cannot be used is no reason not to record on a server that can.
func (s *Store) deliverFirst(ctx context.Context) error {
	err := s.deliver(ctx)
	if err == nil || errors.Is(err, sqldb.ErrLost) {
		return err
	}
	s.o.Log.Warn("records that may wait were not delivered", "err", err)
	return nil
}

// redeliver tries to send what waits, again and again until nothing does.
func (s *Store) redeliver() {
	ctx, stop := context.WithTimeout(s.background, redeliverTimeout)
	defer stop()
	if err := s.deliver(ctx); err != nil && s.background.Err() == nil {
		s.o.Log.Warn("records wait for Postgres", "waiting", s.pending.count.Load(), "err", err)
	}
	if s.pending.count.Load() > 0 {
		s.pending.timer.after(redeliverEvery, s.redeliver)
	}
}

// deliver sends what waits, in its order. It returns nil when nothing does.
func (s *Store) deliver(ctx context.Context) error {
	if s.local == nil || !s.local.Exists() {
		return nil
	}
	s.pending.sending.Lock()
	defer s.pending.sending.Unlock()
	for {
		r, found, err := s.nextPending(ctx)
		if err != nil || !found {
			return errors.Join(err, s.countPending(ctx))
		}
		err = s.send(ctx, r)
		refused := ""
		switch {
		case errors.Is(err, errNoStep):
			return s.countPending(ctx)
		case errors.Is(err, ErrUnavailable), errors.Is(err, ErrReadOnly), ctx.Err() != nil:
			return errors.Join(err, s.countPending(context.WithoutCancel(ctx)))
		case err != nil:
			refused = err.Error()
			s.o.Log.Error("a kept record was refused by the journal", "kind", r.kind, "err", err)
		}
		if err := s.local.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
			if refused != "" {
				return tx.Exec(ctx, `UPDATE pending SET refused = ? WHERE id = ?`, refused, r.id)
			}
			return tx.Exec(ctx, `DELETE FROM pending WHERE id = ?`, r.id)
		}); err != nil {
			return err
		}
	}
}

func (s *Store) nextPending(ctx context.Context) (r row, found bool, err error) {
	var at int64
	err = s.local.Read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT id, delivery, kind, body, at FROM pending
WHERE server = ? AND project = ? AND refused = '' ORDER BY id LIMIT 1`, s.server(), s.o.Project).Scan(&r.id, &r.delivery, &r.kind, &r.body, &at)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	r.at = time.UnixMilli(at)
	return r, err == nil, err
}

// errNoStep says that the guard's step is not known yet in this process.
var errNoStep = errors.New("no step")

func (s *Store) send(ctx context.Context, r row) error {
	switch r.kind {
	case kindOutcome:
		s.pending.mu.Lock()
		step, known := s.pending.step, s.pending.known
		s.pending.mu.Unlock()
		if !known {
			return errNoStep
		}
		var o Outcome
		if err := json.Unmarshal([]byte(r.body), &o); err != nil {
			return err
		}
		_, err := s.record(ctx, r.delivery, o, r.at, step)
		return err
	case kindPlan:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, plan Plan) error {
			_, err := recordPlan(ctx, tx, p, plan, r.at)
			return err
		})
	case kindDraft:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, d Draft) error {
			return recordDraft(ctx, tx, p, d, r.at)
		})
	case kindCalls:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, calls []Call) error {
			return insertCalls(ctx, tx, p.id, calls)
		})
	case kindSettle:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, _ *projectRow, v settlement) error {
			return settle(ctx, tx, v)
		})
	}
	return fmt.Errorf("a newer localmodel kept it: %s", r.kind)
}

func sendAs[T any](ctx context.Context, s *Store, r row, fn func(context.Context, sqldb.Q, *projectRow, T) error) error {
	var v T
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		return err
	}
	return s.writeDelivered(ctx, r.delivery, func(ctx context.Context, tx sqldb.Q, p *projectRow) error { return fn(ctx, tx, p, v) })
}

// server names the server without a password.
func (s *Store) server() string { return serverName(s.o.State) }

func serverName(state string) string {
	u, err := url.Parse(state)
	if err != nil {
		return "postgres"
	}
	return u.Host + u.Path + "?" + u.Query().Get("search_path") + u.Query().Get("options")
}

func (s *Store) countPending(ctx context.Context) error {
	var waiting, refused int64
	err := s.local.Read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT COALESCE(SUM(CASE WHEN refused = '' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN refused = '' THEN 0 ELSE 1 END), 0)
FROM pending WHERE server = ? AND project = ?`, s.server(), s.o.Project).Scan(&waiting, &refused)
	})
	if err == nil {
		s.pending.count.Store(waiting)
		s.pending.refused.Store(refused)
	}
	return err
}

func (s *Store) localPath() string { return filepath.Join(s.o.Dir, localName) }

func (p *pending) warnings(s *Store) []string {
	var out []string
	if n := p.count.Load(); n > 0 {
		out = append(out, fmt.Sprintf("%d records wait in %s for Postgres, which cannot be reached; they are delivered when it is back", n, s.localPath()))
	}
	if n := p.refused.Load(); n > 0 {
		out = append(out, fmt.Sprintf("%d outcomes kept while Postgres was away contradict what it has under the same event_id; they stay in %s, table pending", n, s.localPath()))
	}
	return out
}
