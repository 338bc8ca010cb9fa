package calls

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Kind is what a model call counts as.
type Kind string

// The kinds. A call is Local or LocalFailed, or Paid or PaidFailed, once; a
// local reply is then one of the others.
const (
	Local       Kind = "local"
	LocalFailed Kind = "local_failed"
	Paid        Kind = "paid"        // answered, or may have been billed
	PaidFailed  Kind = "paid_failed" // refused or not reached: nothing was paid
	Estimated   Kind = "estimated"   // of Paid, what no provider named
	Answer      Kind = "answer"      // a local reply that was kept
	Superseded  Kind = "superseded"  // another call for the same question followed soon
	Open        Kind = "open"        // a plan whose attempt is not closed
	Escalated   Kind = "escalated"   // a plan whose attempt was escalated

	// Drafts, each counted once in every kind that holds for it. TokensOut of
	// DraftKept is what a model of the cloud did not have to write.
	Draft          Kind = "draft"
	DraftReady     Kind = "draft_ready"    // a patch was handed over
	DraftVerified  Kind = "draft_verified" // ... that passed every check
	DraftApplied   Kind = "draft_applied"
	DraftEdited    Kind = "draft_edited"
	DraftDiscarded Kind = "draft_discarded"
	DraftKept      Kind = "draft_kept" // applied or edited, and committed
)

// Usage sums up the calls of one kind that began within one hour. The sums are
// kept when a call is written, and outlive its row.
type Usage struct {
	Hour                time.Time // its beginning, UTC
	Kind                Kind
	N                   int
	TokensIn, TokensOut int
	USD                 float64
}

const (
	purposePlan   = "plan"
	purposeDraft  = "draft"
	purposeHealth = "health"
	resultOK      = "ok"
	// sameQuestion is how soon after a reply another call for the same ticket
	// and purpose means that the reply was not the answer.
	sameQuestion = 2 * time.Minute
	// settleAfter is when a reply is surely the answer: a call that began within
	// sameQuestion of it has been written.
	settleAfter  = 20 * time.Minute
	settleAtOnce = 20
)

// tally adds calls to the sums, within one transaction.
type tally struct {
	ctx     context.Context //nolint:containedctx // lives for one transaction
	tx      sqldb.Q
	project int64
	sums    map[usageKey]Usage
}

type usageKey struct {
	hour int64
	kind Kind
}

func newTally(ctx context.Context, tx sqldb.Q, project int64) *tally {
	return &tally{ctx: ctx, tx: tx, project: project, sums: map[usageKey]Usage{}}
}

func (t *tally) add(at int64, kind Kind, in, out int, usd float64) {
	key := usageKey{at / HourMS, kind}
	u := t.sums[key]
	t.sums[key] = Usage{N: u.N + 1, TokensIn: u.TokensIn + in, TokensOut: u.TokensOut + out, USD: u.USD + usd}
}

// call counts one call. A local reply waits in answers for what becomes of it.
func (t *tally) call(c Call) error {
	at := c.At.UnixMilli()
	switch {
	case c.Paid && c.Result != resultOK && c.CostUSD == 0:
		t.add(at, PaidFailed, c.TokensIn, c.TokensOut, 0)
	case c.Paid:
		t.add(at, Paid, c.TokensIn, c.TokensOut, c.CostUSD)
		if c.Estimated {
			t.add(at, Estimated, 0, 0, c.CostUSD)
		}
	}
	if c.TicketID != "" {
		if err := t.follows(c.TicketID, c.Purpose, at); err != nil {
			return err
		}
	}
	switch {
	case c.Tier != localTier || c.Purpose == purposeHealth:
		return nil
	case c.Result != resultOK:
		t.add(at, LocalFailed, c.TokensIn, c.TokensOut, 0)
		return nil
	}
	t.add(at, Local, c.TokensIn, c.TokensOut, 0)
	if c.Purpose == purposeDraft {
		return nil // what it was worth shows when its change is committed
	}
	if c.TicketID == "" {
		t.add(at, Answer, c.TokensIn, c.TokensOut, 0)
		return nil
	}
	return t.reply(c, at)
}

// follows settles the replies that a call for the same question comes after.
func (t *tally) follows(ticket, purpose string, at int64) error {
	soon := at - sameQuestion.Milliseconds()
	if err := t.settle(Superseded, `project = ? AND ticket = ? AND purpose = ? AND at >= ?`, t.project, ticket, purpose, soon); err != nil {
		return err
	}
	if purpose == purposePlan {
		return nil // it waits for its attempt
	}
	return t.settle(Answer, `project = ? AND ticket = ? AND purpose = ?`, t.project, ticket, purpose)
}

// reply notes a local reply. The attempt of a plan may be closed already: calls
// are written a little later than outcomes.
func (t *tally) reply(c Call, at int64) error {
	if c.Purpose == purposePlan {
		var escalated bool
		err := t.tx.Row(t.ctx, `SELECT state = 'escalated' FROM attempts WHERE project = ? AND ticket = ? AND closed >= ? AND opened >= ? ORDER BY id LIMIT 1`,
			t.project, c.TicketID, max(at, 1), at).Scan(&escalated)
		switch {
		case err == nil:
			t.add(at, planKind(escalated), c.TokensIn, c.TokensOut, 0)
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("read attempt: %w", err)
		}
	}
	return t.tx.Exec(t.ctx, `INSERT INTO answers (project, ticket, purpose, at, tokens_in, tokens_out) VALUES (?, ?, ?, ?, ?, ?)`,
		t.project, c.TicketID, c.Purpose, at, c.TokensIn, c.TokensOut)
}

func planKind(escalated bool) Kind {
	if escalated {
		return Escalated
	}
	return Answer
}

// settle counts the waiting replies that a condition names, and forgets them.
func (t *tally) settle(kind Kind, condition string, args ...any) error {
	err := t.tx.Each(t.ctx, `DELETE FROM answers WHERE `+condition+` RETURNING at, tokens_in, tokens_out`, args, func(r sqldb.Row) error {
		var at int64
		var in, out int
		err := r.Scan(&at, &in, &out)
		t.add(at, kind, in, out, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle replies: %w", err)
	}
	return nil
}

// save adds the sums to the table.
func (t *tally) save() error {
	for key, u := range t.sums {
		if err := t.tx.Exec(t.ctx, `INSERT INTO usage (project, hour, kind, n, tokens_in, tokens_out, usd) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (project, hour, kind) DO UPDATE SET n = usage.n + excluded.n, tokens_in = usage.tokens_in + excluded.tokens_in,
tokens_out = usage.tokens_out + excluded.tokens_out, usd = usage.usd + excluded.usd`,
			t.project, key.hour, string(key.kind), u.N, u.TokensIn, u.TokensOut, u.USD); err != nil {
			return fmt.Errorf("write usage: %w", err)
		}
	}
	return nil
}

// SettlePlans counts the plans of a ticket whose attempt closes now.
func SettlePlans(ctx context.Context, tx sqldb.Q, project int64, ticket string, escalated bool) error {
	t := newTally(ctx, tx, project)
	if err := t.settle(planKind(escalated), `project = ? AND ticket = ? AND purpose = 'plan'`, project, ticket); err != nil {
		return err
	}
	return t.save()
}

// Count adds one to the sums of each kind, with the tokens that were written.
func Count(ctx context.Context, tx sqldb.Q, project int64, at time.Time, tokens int, kinds ...Kind) error {
	t := newTally(ctx, tx, project)
	for _, kind := range kinds {
		t.add(at.UnixMilli(), kind, 0, tokens, 0)
	}
	return t.save()
}

// Usage returns the sums of calls since a time, in the order of hours, that of
// the time included. Replies that wait are answers, and plans that wait are
// open.
func (l *Log) Usage(ctx context.Context, since time.Time) (got []Usage, err error) {
	err = l.j.Read(ctx, func(q sqldb.Q, project int64) error {
		got = nil
		return q.Each(ctx, `SELECT hour, kind, n, tokens_in, tokens_out, usd FROM usage WHERE project = ? AND hour >= ?
UNION ALL SELECT at / 3600000, CASE purpose WHEN 'plan' THEN 'open' ELSE 'answer' END, COUNT(*), SUM(tokens_in), SUM(tokens_out), 0
FROM answers WHERE project = ? AND at >= ? GROUP BY 1, 2 ORDER BY 1, 2`, []any{project, HourOf(since), project, HourOf(since) * HourMS}, func(r sqldb.Row) error {
			var u Usage
			var hour int64
			err := r.Scan(&hour, &u.Kind, &u.N, &u.TokensIn, &u.TokensOut, &u.USD)
			u.Hour = time.UnixMilli(hour * HourMS).UTC()
			got = append(got, u)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	return got, nil
}

// HourMS is the milliseconds of an hour: sums are kept by the hour of the record.
const HourMS = 60 * 60 * 1000

// HourOf is the number of a time's hour since 1970, 0 where the time is zero.
func HourOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli() / HourMS
}
