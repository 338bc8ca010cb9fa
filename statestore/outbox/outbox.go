// Package outbox keeps, in a local journal, what a server could not take, and
// sends it again in its order. It knows nothing of what the entries mean.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/statestore/later"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

const (
	resendEvery   = 2 * time.Second
	resendTimeout = 30 * time.Second
)

// Schema is the table of the entries, in the words of sqldb.
const Schema = `
CREATE TABLE pending (id {id}, server TEXT NOT NULL, project TEXT NOT NULL, delivery TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  ticket TEXT NOT NULL, event TEXT NOT NULL, payload TEXT NOT NULL, body TEXT NOT NULL, at {int} NOT NULL, refused TEXT NOT NULL) {table};
CREATE INDEX pending_event ON pending (server, project, ticket, event);
CREATE INDEX pending_order ON pending (server, project, id);
`

// Entry is one thing that a server could not take.
type Entry struct {
	Kind     string
	Delivery string // its number, which the server's transaction writes down
	// Ticket, Event and Payload are what the entries of a ticket are read by.
	Ticket, Event, Payload string
	Body                   any // stored as JSON
}

// Row is an entry that is kept.
type Row struct {
	Kind, Delivery, Event, Payload string
	Body                           []byte // JSON
	At                             time.Time

	id int64
}

// ErrNotYet is what a sender returns for an entry that this process cannot send
// yet. The entry waits, and those behind it.
var ErrNotYet = errors.New("not yet")

// Options say what a Box keeps, and where it goes.
type Options struct {
	DB              *sqldb.DB // the local journal
	Path            string    // its file, for a person
	Server, Project string    // of which the entries are
	// Send gives an entry to the server.
	Send       func(context.Context, Row) error
	Background context.Context //nolint:containedctx // ends when nothing more is sent beside the calls
	Log        *slog.Logger
}

// Box keeps the entries of one server and one project.
type Box struct {
	o     Options
	timer later.Timer

	sending sync.Mutex
	waiting atomic.Int64
	refused atomic.Int64
}

// New makes a box. It opens nothing.
func New(o Options) *Box { return &Box{o: o} }

// Start has what an earlier process left sent beside the calls.
func (b *Box) Start() { b.timer.After(0, b.resend) }

// End ends what goes on beside the calls.
func (b *Box) End() { b.timer.End() }

// Waiting is how many entries wait, as last counted.
func (b *Box) Waiting() int64 { return b.waiting.Load() }

// Refused is how many entries the server's journal contradicts, as last counted.
func (b *Box) Refused() int64 { return b.refused.Load() }

// Warnings reports what waits, and what the server's journal contradicts.
func (b *Box) Warnings() (said []string) {
	if n := b.Waiting(); n > 0 {
		said = append(said, fmt.Sprintf("%d records wait in %s for Postgres, which cannot be reached; they are delivered when it is back", n, b.o.Path))
	}
	if n := b.Refused(); n > 0 {
		said = append(said, fmt.Sprintf("%d outcomes kept while Postgres was away contradict what it has under the same event_id; they stay in %s, table pending", n, b.o.Path))
	}
	return said
}

// Keep stores what entry returns, given what is kept of the ticket already, in
// one transaction, and has it sent soon; a nil entry stores nothing. entry runs
// again where the transaction has to.
func (b *Box) Keep(ctx context.Context, ticket string, now time.Time, entry func(kept []Row) (*Entry, error)) error {
	var e *Entry
	err := b.o.DB.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		kept, err := b.of(ctx, tx, ticket)
		if err != nil {
			return err
		}
		if e, err = entry(kept); err != nil || e == nil {
			return err
		}
		body, err := json.Marshal(e.Body)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, `INSERT INTO pending (server, project, delivery, kind, ticket, event, payload, body, at, refused)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')`, b.o.Server, b.o.Project, e.Delivery, e.Kind, e.Ticket, e.Event, e.Payload, string(body), now.UnixMilli())
	})
	if err != nil || e == nil {
		return err
	}
	b.timer.After(resendEvery, b.resend)
	if err := b.Count(ctx); err != nil { // kept it is
		b.o.Log.Warn("kept records not counted", "err", err)
	}
	return nil
}

// of reads what waits of a ticket, in its order. Nothing does of no ticket.
func (b *Box) of(ctx context.Context, tx sqldb.Q, ticket string) (kept []Row, err error) {
	if ticket == "" {
		return nil, nil
	}
	err = tx.Each(ctx, `SELECT kind, event, payload, body FROM pending
WHERE server = ? AND project = ? AND ticket = ? AND refused = '' ORDER BY +id`, []any{b.o.Server, b.o.Project, ticket}, func(row sqldb.Row) error {
		var r Row
		err := row.Scan(&r.Kind, &r.Event, &r.Payload, &r.Body)
		kept = append(kept, r)
		return err
	})
	return kept, err
}

// DeliverFirst sends what waits before something newer. A local journal that
// cannot be used is no reason not to record on a server that can.
func (b *Box) DeliverFirst(ctx context.Context) error {
	err := b.Deliver(ctx)
	if err == nil || errors.Is(err, sqldb.ErrLost) {
		return err
	}
	b.o.Log.Warn("records that may wait were not delivered", "err", err)
	return nil
}

// resend tries to send what waits, again and again until nothing does.
func (b *Box) resend() {
	ctx, stop := context.WithTimeout(b.o.Background, resendTimeout)
	defer stop()
	if err := b.Deliver(ctx); err != nil && b.o.Background.Err() == nil {
		b.o.Log.Warn("records wait for Postgres", "waiting", b.Waiting(), "err", err)
	}
	if b.Waiting() > 0 {
		b.timer.After(resendEvery, b.resend)
	}
}

// Deliver sends what waits, in its order, until nothing does, and returns nil
// then. It ends where the journal cannot be used, here or there. What fails
// otherwise is marked as refused.
func (b *Box) Deliver(ctx context.Context) error {
	if !b.o.DB.Exists() {
		return nil
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	for {
		r, found, err := b.next(ctx)
		if err != nil || !found {
			return errors.Join(err, b.Count(ctx))
		}
		err = b.o.Send(ctx, r)
		switch {
		case errors.Is(err, ErrNotYet):
			return b.Count(ctx)
		case errors.Is(err, sqldb.ErrUnavailable), errors.Is(err, sqldb.ErrReadOnly), ctx.Err() != nil:
			return errors.Join(err, b.Count(context.WithoutCancel(ctx)))
		case err != nil:
			b.o.Log.Error("a kept record was refused by the journal", "kind", r.Kind, "err", err)
		}
		if err := b.done(ctx, r, err); err != nil {
			return err
		}
	}
}

func (b *Box) next(ctx context.Context) (r Row, found bool, err error) {
	var at int64
	err = b.o.DB.Read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT id, delivery, kind, body, at FROM pending
WHERE server = ? AND project = ? AND refused = '' ORDER BY id LIMIT 1`, b.o.Server, b.o.Project).
			Scan(&r.id, &r.Delivery, &r.Kind, &r.Body, &at)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	r.At = time.UnixMilli(at)
	return r, err == nil, err
}

// done forgets an entry that was delivered, and marks one that was refused.
func (b *Box) done(ctx context.Context, r Row, refused error) error {
	return b.o.DB.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		if refused != nil {
			return tx.Exec(ctx, `UPDATE pending SET refused = ? WHERE id = ?`, refused.Error(), r.id)
		}
		return tx.Exec(ctx, `DELETE FROM pending WHERE id = ?`, r.id)
	})
}

// Count counts what waits and what was refused.
func (b *Box) Count(ctx context.Context) error {
	var waiting, refused int64
	err := b.o.DB.Read(ctx, func(q sqldb.Q) error {
		return q.Row(ctx, `SELECT COALESCE(SUM(CASE WHEN refused = '' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN refused = '' THEN 0 ELSE 1 END), 0)
FROM pending WHERE server = ? AND project = ?`, b.o.Server, b.o.Project).Scan(&waiting, &refused)
	})
	if err != nil {
		return fmt.Errorf("count what waits: %w", err)
	}
	b.waiting.Store(waiting)
	b.refused.Store(refused)
	return nil
}

// Close closes the local journal.
func (b *Box) Close() error {
	b.End()
	return b.o.DB.Close()
}
