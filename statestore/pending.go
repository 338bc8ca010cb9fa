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

	memory memory
}

// row is one thing kept.
type row struct {
	id                   int64
	delivery, kind, body string
	at                   time.Time
}

// entry is one thing that a server could not take.
type entry struct {
	kind, delivery, ticket, event, payload string
	// body is what is kept, given what is known of the ticket.
	body func(history) any
}

// deliverable runs fn in a transaction; what a server cannot take now is kept
// as body and delivered later.
func (s *Store) deliverable(ctx context.Context, kind string, body any, fn func(context.Context, sqldb.Q, *projectRow) error) error {
	return s.deliverEntry(ctx, entry{kind: kind, body: func(history) any { return body }}, fn)
}

// deliverEntry is deliverable for what depends on the ticket's history.
func (s *Store) deliverEntry(ctx context.Context, e entry, fn func(context.Context, sqldb.Q, *projectRow) error) error {
	if s.local == nil {
		return s.write(ctx, fn)
	}
	if err := s.named(); err != nil {
		return err
	}
	e.delivery = rand.Text()
	err := s.deliverFirst(ctx)
	if err == nil {
		err = s.writeDelivered(ctx, e.delivery, fn)
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return err
	}
	if kept := s.keep(ctx, e); kept != nil {
		return fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	return nil
}

// keep writes down what could not be sent.
func (s *Store) keep(ctx context.Context, e entry) error {
	err := s.local.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		h, err := s.history(ctx, tx, e.ticket)
		if err != nil {
			return err
		}
		return s.insertPending(ctx, tx, e, h)
	})
	if err == nil {
		s.keptSome(ctx)
	}
	return err
}

func (s *Store) insertPending(ctx context.Context, tx sqldb.Q, e entry, h history) error {
	text, err := json.Marshal(e.body(h))
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO pending (server, project, delivery, kind, ticket, event, payload, body, at, refused)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')`, s.server(), s.o.Project, e.delivery, e.kind, e.ticket, e.event, e.payload, string(text),
		s.o.Now().UnixMilli())
}

// keptSome has what waits sent soon, and counts it.
func (s *Store) keptSome(ctx context.Context) {
	s.pending.timer.after(redeliverEvery, s.redeliver)
	if err := s.countPending(ctx); err != nil { // kept it is
		s.o.Log.Warn("kept records not counted", "err", err)
	}
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
		var k keptOutcome
		if err := json.Unmarshal([]byte(r.body), &k); err != nil {
			return err
		}
		_, err := s.record(ctx, delivered{number: r.delivery, reply: &k.Reply}, k.Outcome, r.at, step)
		return err
	case kindPlan:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, plan Plan) error {
			_, _, err := recordPlan(ctx, tx, p, plan, r.at)
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
