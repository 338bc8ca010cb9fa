// Package drafts keeps what became of the local model's drafts: whether a patch
// was handed over, used, and committed.
package drafts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Draft is a draft of one planned change that came to an end.
type Draft struct {
	ID       string // another draft of the ticket has another
	TicketID string
	Key      guard.Key
	Ready    bool // a patch was handed over
	Verified bool // every check ran and passed
	// Tokens is what a model of the cloud would have written for the patch.
	Tokens int
}

// maxTokens bounds what a draft counts.
const maxTokens = 1_000_000_000

// Uses is what became of a project's drafts.
type Uses struct{ ended journal.Kind[Draft] }

// New returns the drafts in a journal.
func New(j *journal.Journal) *Uses { return &Uses{journal.NewKind(j, "draft", record)} }

// uses of a draft beside policy's: none yet, nothing usable, and committed.
const (
	draftOpen = ""
	draftNone = "none"
	draftKept = "kept"
)

// read reads the latest draft of a ticket; one without an ID is none.
func read(ctx context.Context, q sqldb.Q, project int64, ticket string) (d Draft, used string, err error) {
	err = q.Row(ctx, `SELECT draft, used, class, category, digest, tokens FROM drafts WHERE project = ? AND ticket = ?`,
		project, ticket).Scan(&d.ID, &used, &d.Key.Class, &d.Key.Category, &d.Key.Digest, &d.Tokens)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return d, "", fmt.Errorf("read draft: %w", err)
	}
	return d, used, nil
}

// RecordDraft notes a draft that came to an end, once: the same ID again changes
// nothing. One without a patch counts as not applied.
func (u *Uses) RecordDraft(ctx context.Context, d Draft) error {
	d.Key, d.ID, d.Tokens = d.Key.Bounded(), journal.Clip(d.ID, journal.MaxField), min(max(d.Tokens, 0), maxTokens)
	return u.ended.Write(ctx, d)
}

func record(ctx context.Context, tx sqldb.Q, p *journal.Project, d Draft, now time.Time) error {
	before, _, err := read(ctx, tx, p.ID, d.TicketID)
	if err != nil || before.ID == d.ID {
		return err
	}
	used := draftNone
	kinds := []calls.Kind{calls.Draft}
	if d.Ready {
		used = draftOpen
		kinds = append(kinds, calls.DraftReady)
	}
	if d.Ready && d.Verified {
		kinds = append(kinds, calls.DraftVerified)
	}
	if err := tx.Exec(ctx, `INSERT INTO drafts (project, ticket, draft, class, category, digest, tokens, used, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, ticket) DO UPDATE SET draft = excluded.draft, class = excluded.class,
category = excluded.category, digest = excluded.digest, tokens = excluded.tokens, used = excluded.used, at = excluded.at`,
		p.ID, d.TicketID, d.ID, d.Key.Class, d.Key.Category, d.Key.Digest, d.Tokens, used, now.UnixMilli()); err != nil {
		return fmt.Errorf("write draft: %w", err)
	}
	if !d.Ready {
		if err := settle(ctx, tx, p.ID, d.TicketID, d.Key, false); err != nil {
			return err
		}
	}
	if err := calls.Count(ctx, tx, p.ID, now, 0, kinds...); err != nil {
		return err
	}
	p.Seq++
	return p.Save(ctx, tx, now)
}

// settle moves the guard's records of drafts.
func settle(ctx context.Context, tx sqldb.Q, project int64, ticket string, key guard.Key, applied bool) error {
	for _, key := range key.DraftKey().Cells() {
		step := func(state []byte) ([]byte, error) { return policy.SettleDraft(ticket, state, applied) }
		if err := guard.Move(ctx, tx, project, key, step); err != nil {
			return err
		}
		if err := guard.Forget(ctx, tx, project, key, ticket); err != nil {
			return err
		}
	}
	return nil
}

var usedKinds = map[policy.DraftUse]calls.Kind{
	policy.DraftApplied: calls.DraftApplied, policy.DraftEdited: calls.DraftEdited, policy.DraftDiscarded: calls.DraftDiscarded,
}

// Used notes once what became of a ticket's draft; warning = what was not counted.
func Used(ctx context.Context, tx sqldb.Q, project int64, ticket string, use policy.DraftUse, now time.Time) (warning string, err error) {
	d, used, err := read(ctx, tx, project, ticket)
	switch {
	case err != nil:
		return "", err
	case d.ID == "":
		return "draft not counted: no draft of " + ticket + " is known", nil
	case used == draftNone:
		return "draft not counted: nothing usable came of the draft of " + ticket, nil
	case used != draftOpen:
		return "draft not counted again: it was recorded as " + used, nil
	}
	if err := saveUse(ctx, tx, project, ticket, string(use)); err != nil {
		return "", err
	}
	if err := settle(ctx, tx, project, ticket, d.Key, use.Applied()); err != nil {
		return "", err
	}
	return "", calls.Count(ctx, tx, project, now, 0, usedKinds[use])
}

// Committed counts a ticket's draft, if it was used, whose change is committed
// now. What was edited saved an unknown part, so none of its tokens are counted.
func Committed(ctx context.Context, tx sqldb.Q, project int64, ticket string, now time.Time) error {
	d, used, err := read(ctx, tx, project, ticket)
	use := policy.DraftUse(used)
	if err != nil || d.ID == "" || !use.Applied() {
		return err
	}
	if use == policy.DraftEdited {
		d.Tokens = 0
	}
	if err := saveUse(ctx, tx, project, ticket, draftKept); err != nil {
		return err
	}
	return calls.Count(ctx, tx, project, now, d.Tokens, calls.DraftKept)
}

func saveUse(ctx context.Context, tx sqldb.Q, project int64, ticket, used string) error {
	if err := tx.Exec(ctx, `UPDATE drafts SET used = ? WHERE project = ? AND ticket = ?`, used, project, ticket); err != nil {
		return fmt.Errorf("write draft: %w", err)
	}
	return nil
}
