package statestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// PlanFailure is the last plan of a ticket that its gate refused.
type PlanFailure struct {
	Evidence string // what was wrong with it; "" where nothing was recorded
	Plan     string // its text, where a local attempt was open
	Count    int    // failures of the plan gate since the ticket's owner changed
}

// PlanFailure returns the ticket's last refused plan and what was wrong with it. A
// zero one means that the plan gate has not failed since the owner changed.
func (s *Store) PlanFailure(ctx context.Context, ticketID string) (f PlanFailure, err error) {
	err = s.Read(ctx, func(q sqldb.Q, project int64) error {
		t, err := readTicket(ctx, q, project, ticketID)
		if err != nil {
			return err
		}
		f.Count = int(t.Failures[gateIndex(policy.Plan)])
		if f.Count == 0 && t.EscalatedAt != policy.Plan {
			return nil
		}
		var reply string
		err = q.Row(ctx, `SELECT evidence, reply FROM outcomes WHERE project = ? AND ticket = ? AND gate = ? AND pass = 0
ORDER BY id DESC LIMIT 1`, project, ticketID, string(policy.Plan)).Scan(&f.Evidence, &reply)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var stored storedReply
		if err := json.Unmarshal([]byte(reply), &stored); err != nil {
			return fmt.Errorf("stored reply: %w", err)
		}
		f.Plan = stored.RefusedPlan
		return nil
	})
	return f, err
}

// KnownDigest is the newest digest seen for a model, "" where it never answered.
func (s *Store) KnownDigest(ctx context.Context, model string) (digest string, err error) {
	_, err = s.One(ctx, `SELECT digest FROM models WHERE project = ? AND model = ?`, []any{model}, &digest)
	return digest, err
}

// maxLookedUp bounds the ids of one lookup.
const maxLookedUp = 200

// Completed returns which of the tickets are done: their commit passed, and
// nothing was recorded of them since.
func (s *Store) Completed(ctx context.Context, ticketIDs []string) (map[string]bool, error) {
	done := map[string]bool{}
	if len(ticketIDs) == 0 {
		return done, nil
	}
	ticketIDs = ticketIDs[:min(len(ticketIDs), maxLookedUp)]
	err := s.Read(ctx, func(q sqldb.Q, project int64) error {
		args := []any{project, string(policy.PhaseDone)}
		for _, id := range ticketIDs {
			args = append(args, id)
		}
		marks := strings.TrimSuffix(strings.Repeat("?,", len(ticketIDs)), ",")
		return scanStrings(ctx, q, `SELECT ticket FROM tickets WHERE project = ? AND phase = ? AND ticket IN (`+marks+`)`, args,
			func(id string) { done[id] = true })
	})
	return done, err
}

// Known reports whether the ticket was classified or recorded in this project.
// Where it was not, near are ids of the project's tickets that may be meant: the
// limit latest classified first, those recorded that differ from it in case
// alone, and up to limit on each side of it in the order of ids. What it reads
// does not grow with the journal.
func (s *Store) Known(ctx context.Context, id string, limit int) (known bool, near []string, err error) {
	err = s.Read(ctx, func(q sqldb.Q, project int64) error {
		args := []any{id, project, id, project, id, project, limit, project, strings.ToUpper(id), strings.ToLower(id),
			project, id, limit, project, id, limit}
		err := q.Each(ctx, knownQuery, args, func(r sqldb.Row) error {
			var itself int
			var ticket string
			if err := r.Scan(&itself, &ticket); err != nil {
				return err
			}
			if itself == 1 {
				known = true
				return errKnown
			}
			if !slices.Contains(near, ticket) {
				near = append(near, ticket)
			}
			return nil
		})
		if errors.Is(err, errKnown) {
			return nil
		}
		return err
	})
	return known, near, err
}

// errKnown stops the reading of near ids.
var errKnown = errors.New("the ticket is known")

// knownQuery reads the id itself, where it is known, and the near ones. It is one
// statement, since each costs as much in its locks as in its rows.
const knownQuery = `SELECT 1, ? WHERE EXISTS (SELECT 1 FROM tickets WHERE project = ? AND ticket = ?)
  OR EXISTS (SELECT 1 FROM decisions WHERE project = ? AND ticket = ?)
UNION ALL SELECT 0, ticket FROM (SELECT ticket FROM decisions WHERE project = ? ORDER BY at DESC LIMIT ?) AS latest
UNION ALL SELECT 0, ticket FROM tickets WHERE project = ? AND ticket IN (?, ?)
UNION ALL SELECT 0, ticket FROM (SELECT ticket FROM tickets WHERE project = ? AND ticket > ? ORDER BY ticket LIMIT ?) AS above
UNION ALL SELECT 0, ticket FROM (SELECT ticket FROM tickets WHERE project = ? AND ticket < ? ORDER BY ticket DESC LIMIT ?) AS below`

func scanStrings(ctx context.Context, q sqldb.Q, query string, args []any, add func(string)) error {
	return q.Each(ctx, query, args, func(r sqldb.Row) error {
		var text string
		err := r.Scan(&text)
		add(text)
		return err
	})
}
