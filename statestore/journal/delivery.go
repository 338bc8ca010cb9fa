package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/outbox"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Where the journal is a server, every write that must not be lost has a
// delivery number, which the server's transaction writes down. One that the
// server could not take, or did not confirm, is kept in the user's local journal
// under its number and sent again: a number that is there already is not counted
// twice, whatever was killed in between. What is kept is of one server and one
// project, and only a process of theirs sends it.

// Kind is one kind of write that must not be lost: what a T says, at a time.
type Kind[T any] struct {
	j     *Journal
	name  string
	write func(ctx context.Context, tx sqldb.Q, p *Project, v T, at time.Time) error
}

// NewKind names a kind of write, kept as JSON, before the journal is used.
func NewKind[T any](j *Journal, name string, write func(ctx context.Context, tx sqldb.Q, p *Project, v T, at time.Time) error) Kind[T] {
	k := Kind[T]{j: j, name: name, write: write}
	j.OnDelivery(name, func(ctx context.Context, r outbox.Row) error {
		var v T
		if err := json.Unmarshal(r.Body, &v); err != nil {
			return err
		}
		return j.writeDelivered(ctx, r.Delivery, func(ctx context.Context, tx sqldb.Q, p *Project) error { return write(ctx, tx, p, v, r.At) })
	})
	return k
}

// Write writes v in a transaction; what a server cannot take is delivered later.
func (k Kind[T]) Write(ctx context.Context, v T) error {
	now := k.j.Now()
	return k.j.Deliver(ctx, outbox.Entry{Kind: k.name}, func([]outbox.Row) (any, error) { return v, nil },
		func(ctx context.Context, tx sqldb.Q, p *Project) error { return k.write(ctx, tx, p, v, now) })
}

// OnDelivery has send deliver what is kept of a kind. It comes before any use.
func (j *Journal) OnDelivery(kind string, send func(context.Context, outbox.Row) error) {
	j.senders[kind] = send
}

// Outbox keeps what the server could not take; nil where the journal is a file.
func (j *Journal) Outbox() *outbox.Box { return j.box }

// Deliver runs fn in a transaction. Where a server cannot take it now, body,
// which is given what is kept of the entry's ticket, is kept instead.
func (j *Journal) Deliver(ctx context.Context, e outbox.Entry, body func(kept []outbox.Row) (any, error),
	fn func(context.Context, sqldb.Q, *Project) error) error {
	if j.box == nil {
		return j.Write(ctx, fn)
	}
	if err := j.named(); err != nil {
		return err
	}
	e.Delivery = rand.Text()
	err := j.box.DeliverFirst(ctx)
	if err == nil {
		err = j.writeDelivered(ctx, e.Delivery, fn)
	}
	if !errors.Is(err, sqldb.ErrLost) {
		return err
	}
	kept := j.box.Keep(ctx, e.Ticket, j.Now(), func(rows []outbox.Row) (_ *outbox.Entry, err error) {
		e.Body, err = body(rows)
		return &e, err
	})
	if kept != nil {
		return fmt.Errorf("%w; nor can it be kept: %w", err, kept)
	}
	return nil
}

func (j *Journal) send(ctx context.Context, r outbox.Row) error {
	send, known := j.senders[r.Kind]
	if !known {
		return fmt.Errorf("a newer localmodel kept it: %s", r.Kind)
	}
	return send(ctx, r)
}
