package statestore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// ticketColumns are read by Ticket.scan in this order. There may be no row.
const ticketColumns = `COALESCE(t.phase, ''), COALESCE(t.escalated_at, ''), COALESCE(t.failures, ''), COALESCE(t.retries, ''),
COALESCE(t.runs, ''), COALESCE(t.pruned, 0), COALESCE(t.attempt, 0), COALESCE(t.class, ''), COALESCE(t.category, ''), COALESCE(t.digest, ''), t.quality`

// scan is where ticketColumns go; unpack reads those that are put together. What
// cannot be read counts as 0.
func (t *Ticket) scan() (into []any, unpack func()) {
	var failures, retries, runs string
	var pruned int
	into = []any{&t.Phase, &t.EscalatedAt, &failures, &retries, &runs, &pruned, &t.Attempt,
		&t.key.Class, &t.key.Category, &t.key.Digest, &t.quality}
	return into, func() {
		counts, _ := hex.DecodeString(failures) // two digits a gate
		copy(t.Failures[:], counts)
		counts, _ = hex.DecodeString(retries)
		copy(t.Retries[:], counts)
		for i, word := range strings.Fields(runs) {
			if i < len(t.runs) {
				t.runs[i], _ = strconv.Atoi(word)
			}
		}
		t.pruned = pruned != 0
	}
}

// save writes the ticket's state.
func (t Ticket) save(ctx context.Context, tx sqldb.Q, project int64, id string) error {
	return tx.Exec(ctx, `INSERT INTO tickets (project, ticket, phase, escalated_at, failures, retries, runs, pruned, attempt, class, category, digest, quality)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, ticket) DO UPDATE SET phase = excluded.phase,
escalated_at = excluded.escalated_at, failures = excluded.failures, retries = excluded.retries, runs = excluded.runs,
attempt = excluded.attempt, class = excluded.class, category = excluded.category, digest = excluded.digest, quality = excluded.quality`,
		project, id, string(t.Phase), string(t.EscalatedAt), hex.EncodeToString(t.Failures[:]), hex.EncodeToString(t.Retries[:]),
		strings.Trim(fmt.Sprint(t.runs), "[]"), sqldb.Flag(t.pruned), t.Attempt, t.key.Class, t.key.Category, t.key.Digest, t.quality)
}

// TicketState is a ticket's state; a zero one was never seen.
func (s *Store) TicketState(ctx context.Context, ticketID string) (t Ticket, err error) {
	err = s.Read(ctx, func(q sqldb.Q, project int64) (err error) {
		t, err = readTicket(ctx, q, project, ticketID)
		return err
	})
	return t, err
}

func readTicket(ctx context.Context, q sqldb.Q, project int64, id string) (t Ticket, err error) {
	into, unpack := t.scan()
	err = q.Row(ctx, `SELECT `+ticketColumns+` FROM tickets t WHERE t.project = ? AND t.ticket = ?`, project, id).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	unpack()
	return t, err
}

// NextEventID is the key to record a gate's next outcome under.
func (s *Store) NextEventID(ctx context.Context, ticketID string, gate policy.Gate) (string, error) {
	t, err := s.TicketState(ctx, ticketID)
	return t.nextEventID(ticketID, gate), err
}

// maxRun is the highest number of an event id that later ones count on from.
const maxRun = 1_000_000_000

// nextEventID is the gate's next key: no number up to runs is free.
func (t Ticket) nextEventID(id string, gate policy.Gate) string {
	n := 0
	if i := gateIndex(gate); i >= 0 {
		n = t.runs[i]
	}
	return fmt.Sprintf("%s:%s:%d", id, gate, n+1)
}

// ran counts one more outcome of a gate, whose event id may be ahead.
func (t *Ticket) ran(id string, gate policy.Gate, event string) {
	runs := &t.runs[gateIndex(gate)]
	*runs = max(*runs+1, eventNumber(id, gate, event))
}

// eventNumber is n of an event id TICKET:GATE:n, 0 of any other.
func eventNumber(id string, gate policy.Gate, event string) int {
	rest, ours := strings.CutPrefix(event, id+":"+string(gate)+":")
	n, err := strconv.Atoi(rest)
	if !ours || err != nil || n < 1 || n > maxRun {
		return 0
	}
	return n
}

// gateIndex is -1 where there is no such gate.
func gateIndex(gate policy.Gate) int {
	return slices.IndexFunc(policy.GateRules[:], func(r policy.GateRule) bool { return r.Gate == gate })
}
