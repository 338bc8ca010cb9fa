// Package decisions keeps how tickets were classified.
package decisions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Decision is a classification of a ticket, kept by its id, the hash of its
// content and where it was read.
type Decision struct {
	TicketID, Hash                string
	Source                        string // where the ticket was read; "" = it was given as text
	Category, Complexity, By, Why string
	Local                         bool
	// Refused is the rule, of those that look at the ticket alone, that keeps it
	// from the local model; "" = none does.
	Refused   string
	Wave      []string
	WaveKnown bool
	Digest    string
	At        time.Time
}

// History is the decisions of a project.
type History struct{ j *journal.Journal }

// New returns the decisions in a journal.
func New(j *journal.Journal) *History { return &History{j} }

// SaveDecision keeps a classification, as the newest even where the clock went back.
func (h *History) SaveDecision(ctx context.Context, d Decision) error {
	wave, err := json.Marshal(d.Wave)
	if err != nil {
		return err
	}
	return h.j.Write(ctx, func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
		var last int64
		if err := tx.Row(ctx, `SELECT COALESCE(MAX(+at), 0) FROM decisions WHERE project = ? AND ticket = ?`, p.ID, d.TicketID).Scan(&last); err != nil {
			return fmt.Errorf("read decision: %w", err)
		}
		return tx.Exec(ctx, `INSERT INTO decisions (project, ticket, hash, source, category, complexity, decided_by, why, local, refused, wave, wave_known, digest, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, ticket, hash, source) DO UPDATE SET category = excluded.category,
complexity = excluded.complexity, decided_by = excluded.decided_by, why = excluded.why, local = excluded.local, refused = excluded.refused,
wave = excluded.wave, wave_known = excluded.wave_known, digest = excluded.digest, at = excluded.at`,
			p.ID, d.TicketID, d.Hash, journal.Clip(d.Source, journal.MaxField), d.Category, d.Complexity, d.By, journal.Clip(d.Why, journal.MaxField), sqldb.Flag(d.Local), d.Refused,
			string(wave), sqldb.Flag(d.WaveKnown), d.Digest, max(d.At.UnixMilli(), last+1))
	})
}

// LastDecision is the newest decision on a ticket, whatever its content was: its source
// and its hash. found is false where there is none.
func (h *History) LastDecision(ctx context.Context, ticketID string) (d Decision, found bool, err error) {
	found, err = h.j.One(ctx, `SELECT ticket, hash, source FROM decisions WHERE project = ? AND ticket = ? ORDER BY +at DESC LIMIT 1`,
		[]any{ticketID}, &d.TicketID, &d.Hash, &d.Source)
	return d, found, err
}

// Decision is the decision on a ticket with a content: the one from this source,
// else the newest from another. found is false where there is none.
func (h *History) Decision(ctx context.Context, ticketID, hash, source string) (d Decision, found bool, err error) {
	var wave string
	var local, known int
	var at int64
	found, err = h.j.One(ctx, `SELECT ticket, hash, source, category, complexity, decided_by, why, local, refused, wave, wave_known, digest, at
FROM decisions WHERE project = ? AND ticket = ? AND hash = ? ORDER BY CASE WHEN source = ? THEN 0 ELSE 1 END, at DESC LIMIT 1`,
		[]any{ticketID, hash, journal.Clip(source, journal.MaxField)},
		&d.TicketID, &d.Hash, &d.Source, &d.Category, &d.Complexity, &d.By, &d.Why, &local, &d.Refused, &wave, &known, &d.Digest, &at)
	if err == nil && found {
		d.Local, d.WaveKnown, d.At = local == 1, known == 1, time.UnixMilli(at)
		err = json.Unmarshal([]byte(wave), &d.Wave)
	}
	if err != nil {
		return Decision{}, false, fmt.Errorf("read decision: %w", err)
	}
	return d, found, nil
}
