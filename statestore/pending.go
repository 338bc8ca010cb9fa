package statestore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/outbox"
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
	box   *outbox.Box // nil = the journal is a file, nothing is kept
	timer later.Timer

	mu    sync.Mutex
	step  Step
	known bool // whether step is what Record is given

	memory memory
}

// deliverable runs fn in a transaction; what a server cannot take now is kept
// as body and delivered later.
func (s *Store) deliverable(ctx context.Context, kind string, body any, fn func(context.Context, sqldb.Q, *projectRow) error) error {
	return s.deliverEntry(ctx, outbox.Entry{Kind: kind}, func(history) any { return body }, fn)
}

// deliverEntry is deliverable for what depends on the ticket's history.
func (s *Store) deliverEntry(ctx context.Context, e outbox.Entry, body func(history) any,
	fn func(context.Context, sqldb.Q, *projectRow) error) error {
	if s.pending.box == nil {
		return s.write(ctx, fn)
	}
	if err := s.named(); err != nil {
		return err
	}
	e.Delivery = rand.Text()
	err := s.deliverFirst(ctx)
	if err == nil {
		err = s.writeDelivered(ctx, e.Delivery, fn)
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return err
	}
	kept := s.pending.box.Keep(ctx, e.Ticket, s.o.Now(), func(rows []outbox.Row) (*outbox.Entry, error) {
		h, err := s.history(e.Ticket, rows)
		e.Body = body(h)
		return &e, err
	})
	if kept != nil {
		return fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	s.keptSome(ctx)
	return nil
}

func (s *Store) insertCalls(ctx context.Context, all []calls.Call) error {
	return s.deliverable(ctx, kindCalls, all, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		return calls.Insert(ctx, tx, p.id, all)
	})
}

// keptSome has what waits sent soon, and counts it.
func (s *Store) keptSome(ctx context.Context) {
	s.pending.timer.After(redeliverEvery, s.redeliver)
	if err := s.pending.box.Count(ctx); err != nil { // kept it is
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
		s.o.Log.Warn("records wait for Postgres", "waiting", s.pending.box.Waiting(), "err", err)
	}
	if s.pending.box.Waiting() > 0 {
		s.pending.timer.After(redeliverEvery, s.redeliver)
	}
}

// deliver sends what waits, in its order. It returns nil when nothing does.
func (s *Store) deliver(ctx context.Context) error {
	if s.pending.box == nil {
		return nil
	}
	return s.pending.box.Deliver(ctx, s.send, func(r outbox.Row, err error) {
		s.o.Log.Error("a kept record was refused by the journal", "kind", r.Kind, "err", err)
	})
}

func (s *Store) send(ctx context.Context, r outbox.Row) error {
	switch r.Kind {
	case kindOutcome:
		s.pending.mu.Lock()
		step, known := s.pending.step, s.pending.known
		s.pending.mu.Unlock()
		if !known {
			return outbox.ErrNotYet
		}
		var k keptOutcome
		if err := json.Unmarshal(r.Body, &k); err != nil {
			return err
		}
		_, err := s.record(ctx, delivered{number: r.Delivery, reply: &k.Reply}, k.Outcome, r.At, step)
		return err
	case kindPlan:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, plan Plan) error {
			_, _, err := recordPlan(ctx, tx, p, plan, r.At)
			return err
		})
	case kindDraft:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, d Draft) error {
			return recordDraft(ctx, tx, p, d, r.At)
		})
	case kindCalls:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, p *projectRow, all []calls.Call) error {
			return calls.Insert(ctx, tx, p.id, all)
		})
	case kindSettle:
		return sendAs(ctx, s, r, func(ctx context.Context, tx sqldb.Q, _ *projectRow, v settlement) error {
			return settle(ctx, tx, v)
		})
	}
	return fmt.Errorf("a newer localmodel kept it: %s", r.Kind)
}

func sendAs[T any](ctx context.Context, s *Store, r outbox.Row, fn func(context.Context, sqldb.Q, *projectRow, T) error) error {
	var v T
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return err
	}
	return s.writeDelivered(ctx, r.Delivery, func(ctx context.Context, tx sqldb.Q, p *projectRow) error { return fn(ctx, tx, p, v) })
}

// serverName names a server without a password.
func serverName(state string) string {
	u, err := url.Parse(state)
	if err != nil {
		return "postgres"
	}
	return u.Host + u.Path + "?" + u.Query().Get("search_path") + u.Query().Get("options")
}

func (s *Store) localPath() string { return filepath.Join(s.o.Dir, localName) }

func (p *pending) warnings(s *Store) []string {
	if p.box == nil {
		return nil
	}
	var out []string
	if n := p.box.Waiting(); n > 0 {
		out = append(out, fmt.Sprintf("%d records wait in %s for Postgres, which cannot be reached; they are delivered when it is back", n, s.localPath()))
	}
	if n := p.box.Refused(); n > 0 {
		out = append(out, fmt.Sprintf("%d outcomes kept while Postgres was away contradict what it has under the same event_id; they stay in %s, table pending", n, s.localPath()))
	}
	return out
}
