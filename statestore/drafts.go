package statestore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Draft is a draft that came to an end: of one planned change, by the local
// model.
type Draft struct {
	ID       string // another draft of the ticket has another
	TicketID string
	Key      GuardKey
	Ready    bool // a patch was handed over
	Verified bool // every check ran and passed
	// Tokens is what a model of the cloud would have written for the patch.
	Tokens int
}

// kindDraft is a draft that is kept for a server.
const kindDraft = "draft"

// draftCells begins the class of the guard's records of drafts.
const draftCells = "draft:"

// DraftKey is the record of drafts that belongs to a key of the guard.
func (k GuardKey) DraftKey() GuardKey {
	k.Class = draftCells + k.Class
	return k
}

// uses of a draft beside policy's: nothing yet, nothing usable came of it, and
// its change is committed.
const (
	draftOpen = ""
	draftNone = "none"
	draftKept = "kept"
)

// draftRow is the latest draft of a ticket.
type draftRow struct {
	id, used string
	key      GuardKey
	tokens   int
}

func readDraft(ctx context.Context, q sqldb.Q, project int64, ticket string) (d draftRow, err error) {
	err = ignoreNoRows(q.Row(ctx, `SELECT draft, used, class, category, digest, tokens FROM drafts WHERE project = ? AND ticket = ?`,
		project, ticket).Scan(&d.id, &d.used, &d.key.Class, &d.key.Category, &d.key.Digest, &d.tokens))
	if err != nil {
		return d, fmt.Errorf("read draft: %w", err)
	}
	return d, nil
}

// RecordDraft notes a draft that came to an end, once: the same ID again changes
// nothing. One without a patch counts as not applied.
func (s *Store) RecordDraft(ctx context.Context, d Draft) error {
	d.Key, d.ID, d.Tokens = d.Key.bounded(), clip(d.ID, maxField), bounded(d.Tokens)
	now := s.o.Now()
	return s.deliverable(ctx, kindDraft, d, func(ctx context.Context, tx sqldb.Q, p *projectRow) error {
		return recordDraft(ctx, tx, p, d, now)
	})
}

func recordDraft(ctx context.Context, tx sqldb.Q, p *projectRow, d Draft, now time.Time) error {
	before, err := readDraft(ctx, tx, p.id, d.TicketID)
	if err != nil || before.id == d.ID {
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
		p.id, d.TicketID, d.ID, d.Key.Class, d.Key.Category, d.Key.Digest, d.Tokens, used, now.UnixMilli()); err != nil {
		return fmt.Errorf("write draft: %w", err)
	}
	if !d.Ready {
		if err := settleDraft(ctx, tx, p.id, d.TicketID, d.Key, false); err != nil {
			return err
		}
	}
	if err := calls.Count(ctx, tx, p.id, now, 0, kinds...); err != nil {
		return err
	}
	p.seq++
	return p.save(ctx, tx, now)
}

// settleDraft moves the guard's records of drafts.
func settleDraft(ctx context.Context, tx sqldb.Q, project int64, ticket string, key GuardKey, applied bool) error {
	for _, cell := range key.DraftKey().cells() {
		state, err := maybe(tx.Row(ctx, `SELECT state FROM guard WHERE project = ? AND cell = ?`, project, cell.cell()))
		if err != nil {
			return fmt.Errorf("read guard: %w", err)
		}
		next, err := policy.SettleDraft(ticket, state, applied)
		if err != nil {
			return err
		}
		if err := tx.Exec(ctx, upsertGuard, project, cell.cell(), string(next)); err != nil {
			return fmt.Errorf("write guard: %w", err)
		}
		if err := tx.Exec(ctx, `DELETE FROM guard_memo WHERE project = ? AND ticket = ? AND cell = ?`, project, ticket, cell.cell()); err != nil {
			return fmt.Errorf("write guard: %w", err)
		}
	}
	return nil
}

var usedKinds = map[policy.DraftUse]calls.Kind{
	policy.DraftApplied: calls.DraftApplied, policy.DraftEdited: calls.DraftEdited, policy.DraftDiscarded: calls.DraftDiscarded,
}

// draft notes what became of the ticket's draft, once, and whether its change
// came to a commit. The warning says what was not counted.
func (t *recording) draft() (warning string, err error) {
	committed := t.o.Gate == policy.Commit && t.o.Pass()
	if t.o.Draft == "" && !committed {
		return "", nil
	}
	d, err := readDraft(t.ctx, t.tx, t.project.id, t.o.TicketID)
	if err != nil {
		return "", err
	}
	if committed {
		return "", t.keepDraft(d)
	}
	switch {
	case d.id == "":
		return "draft not counted: no draft of " + t.o.TicketID + " is known", nil
	case d.used == draftNone:
		return "draft not counted: nothing usable came of the draft of " + t.o.TicketID, nil
	case d.used != draftOpen:
		return "draft not counted again: it was recorded as " + d.used, nil
	}
	if err := t.useDraft(string(t.o.Draft)); err != nil {
		return "", err
	}
	if err := settleDraft(t.ctx, t.tx, t.project.id, t.o.TicketID, d.key, t.o.Draft.Applied()); err != nil {
		return "", err
	}
	return "", calls.Count(t.ctx, t.tx, t.project.id, t.now, 0, usedKinds[t.o.Draft])
}

// keepDraft counts a draft whose change is committed now. What was edited saved
// an unknown part, so none of its tokens are counted.
func (t *recording) keepDraft(d draftRow) error {
	use := policy.DraftUse(d.used)
	if d.id == "" || !use.Applied() {
		return nil
	}
	tokens := d.tokens
	if use == policy.DraftEdited {
		tokens = 0
	}
	if err := t.useDraft(draftKept); err != nil {
		return err
	}
	return calls.Count(t.ctx, t.tx, t.project.id, t.now, tokens, calls.DraftKept)
}

func (t *recording) useDraft(used string) error {
	if err := t.tx.Exec(t.ctx, `UPDATE drafts SET used = ? WHERE project = ? AND ticket = ?`, used, t.project.id, t.o.TicketID); err != nil {
		return fmt.Errorf("write draft: %w", err)
	}
	return nil
}

// DraftRecords returns every record that the guard keeps of drafts, as stored,
// under the key of the tickets.
func (s *Store) DraftRecords(ctx context.Context) (map[GuardKey][]byte, error) {
	all, err := s.guardStates(ctx)
	records := map[GuardKey][]byte{}
	for key, state := range all {
		if class, found := strings.CutPrefix(key.Class, draftCells); found {
			key.Class = class
			records[key] = state
		}
	}
	return records, err
}
