package statestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// projectRow is a project's row: its counters, kept beside the rows they count
// and in the same transaction, so that no figure is ever computed from history.
type projectRow struct {
	id, seq, lastAt    int64
	lost               int64 // records that were acknowledged and are gone
	imported           bool  // the counters of before the journal have been taken over
	success, escalated int
	qualitySum         float64
	qualityN           int
	failures           map[string]int

	failuresText string
}

const projectColumns = `p.id, p.seq, p.last_at, p.lost, p.imported, p.success, p.escalated, p.quality_sum, p.quality_n, p.failures`

func (p *projectRow) dest() []any {
	return []any{&p.id, &p.seq, &p.lastAt, &p.lost, &p.imported, &p.success, &p.escalated, &p.qualitySum, &p.qualityN, &p.failuresText}
}

// loaded ends a scan.
func (p *projectRow) loaded() error {
	p.failures = map[string]int{}
	if p.failuresText == "" || p.failuresText == "{}" {
		return nil
	}
	if err := json.Unmarshal([]byte(p.failuresText), &p.failures); err != nil {
		return fmt.Errorf("%w: the counters of a project are damaged: %w", ErrUnavailable, err)
	}
	return nil
}

// Stats are the counters as the state file has them.
func (p *projectRow) stats() Stats {
	s := Stats{SuccessCount: p.success, EscalatedToCloud: p.escalated, TotalAttempts: p.success + p.escalated, FailuresByType: p.failures}
	if s.FailuresByType == nil {
		s.FailuresByType = map[string]int{}
	}
	if p.qualityN > 0 {
		s.AvgQualityScore = math.Round(p.qualitySum/float64(p.qualityN)*100) / 100
	}
	return s
}

// save writes the row's counters, its number and its time.
func (p *projectRow) save(ctx context.Context, tx sqldb.Q, now time.Time) error {
	failures := p.failuresText
	if text, err := json.Marshal(p.failures); err == nil && len(p.failures) > 0 {
		failures = string(text)
	}
	return tx.Exec(ctx, `UPDATE projects SET used = ?, seq = ?, last_at = ?, lost = ?, imported = ?, success = ?, escalated = ?,
quality_sum = ?, quality_n = ?, failures = ? WHERE id = ?`, now.UnixMilli(), p.seq, p.lastAt, p.lost, sqldb.Flag(p.imported),
		p.success, p.escalated, p.qualitySum, p.qualityN, failures, p.id)
}

// add takes over counters from before the journal. avgQualityScore comes with
// the attempts it was the mean of; failures count only under a gate's name.
func (p *projectRow) add(before Stats) {
	success, escalated := bounded(before.SuccessCount), bounded(before.EscalatedToCloud)
	p.success, p.escalated = p.success+success, p.escalated+escalated
	if n := success + escalated; n > 0 && before.AvgQualityScore > 0 && before.AvgQualityScore <= 100 {
		p.qualityN += n
		p.qualitySum += before.AvgQualityScore * float64(n)
	}
	for gate, n := range before.FailuresByType {
		if n > 0 && policy.Gate(gate).Valid() {
			p.failures[gate] += bounded(n)
		}
	}
}

// raise makes no counter less than another source has it.
func (p *projectRow) raise(known Stats) {
	p.success, p.escalated = max(p.success, bounded(known.SuccessCount)), max(p.escalated, bounded(known.EscalatedToCloud))
	for gate, n := range known.FailuresByType {
		if policy.Gate(gate).Valid() {
			p.failures[gate] = max(p.failures[gate], bounded(n))
		}
	}
}

// bounded keeps a foreign counter within what can be added up.
func bounded(n int) int { return min(max(n, 0), 1_000_000_000) }

// readProject reads the store's project; found is false where nothing was ever
// written for it.
func (s *Store) readProject(ctx context.Context, q sqldb.Q) (p projectRow, found bool, err error) {
	s.loadSequence(q.Database())
	err = q.Row(ctx, `SELECT `+projectColumns+` FROM projects p WHERE p.name = ?`, s.o.Project).Scan(p.dest()...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, false, fmt.Errorf("read project: %w", err)
	}
	s.compareSequence(q.Database(), &p)
	return p, err == nil, p.loaded()
}

// ensureProject reads the store's project, or makes it.
func (s *Store) ensureProject(ctx context.Context, tx sqldb.Q) (projectRow, error) {
	p, found, err := s.readProject(ctx, tx)
	if err != nil || found {
		return p, err
	}
	if err := tx.Exec(ctx, `INSERT INTO projects (name, used, seq, last_at, lost, imported, success, escalated, quality_sum, quality_n, failures)
VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0, 0, '{}')`, s.o.Project, s.o.Now().UnixMilli()); err != nil {
		return p, fmt.Errorf("add project: %w", err)
	}
	p, _, err = s.readProject(ctx, tx) // with its id
	return p, err
}

// Stats are the project's counters now.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var p projectRow
	if err := s.readAny(ctx, func(q sqldb.Q) (err error) {
		p, _, err = s.readProject(ctx, q)
		return err
	}); err != nil {
		return Stats{}, err
	}
	if !p.imported {
		if before, ok := s.baseline(ctx, false); ok {
			p.add(before)
		}
	}
	return p.stats(), nil
}

// Project is what the journal has of one project.
type Project struct {
	Name  string    `json:"name"`
	Used  time.Time `json:"used"` // when something was last written
	Rows  int       `json:"rows"` // outcomes, attempts, calls and decisions
	Lost  int64     `json:"lost,omitempty"`
	Stats Stats     `json:"stats"`
}

// Projects lists every project of the journal, the last used first.
func (s *Store) Projects(ctx context.Context) (list []Project, err error) {
	err = s.db.Read(ctx, func(q sqldb.Q) error {
		list = nil
		rows, err := q.Rows(ctx, `SELECT p.name, p.used, `+projectColumns+`,
(SELECT COUNT(*) FROM outcomes WHERE project = p.id) + (SELECT COUNT(*) FROM attempts WHERE project = p.id) +
(SELECT COUNT(*) FROM calls WHERE project = p.id) + (SELECT COUNT(*) FROM decisions WHERE project = p.id)
FROM projects p ORDER BY p.used DESC, p.name`)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // only read; Err is looked at
		for rows.Next() {
			var one Project
			var row projectRow
			var used int64
			dest := append([]any{&one.Name, &used}, row.dest()...)
			if err := rows.Scan(append(dest, &one.Rows)...); err != nil {
				return err
			}
			if err := row.loaded(); err != nil {
				return err
			}
			one.Used, one.Stats, one.Lost = time.UnixMilli(used), row.stats(), row.lost
			list = append(list, one)
		}
		return rows.Err()
	})
	return list, err
}

// projectTables hold rows of a project, beside projects itself. What was spent
// stays: it counts against the user's cap.
var projectTables = []string{"tickets", "attempts", "outcomes", "figures", "guard", "guard_memo", "decisions", "calls", "usage", "answers", "drafts", "models"}

// ErrNoProject says that the journal has no project of that name.
var ErrNoProject = errors.New("the journal has no such project")

// Forget deletes everything the journal has of a project but what it spent.
func (s *Store) Forget(ctx context.Context, name string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		id, err := projectID(ctx, tx, name)
		if err != nil {
			return err
		}
		for _, table := range projectTables {
			if err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE project = ?`, id); err != nil { //nolint:gosec // a constant
				return err
			}
		}
		return tx.Exec(ctx, `DELETE FROM projects WHERE id = ?`, id)
	})
}

// Rename gives a project's rows to another name, as where its directory was
// moved. A name that has rows already is refused.
func (s *Store) Rename(ctx context.Context, name, to string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
		id, err := projectID(ctx, tx, name)
		if err != nil {
			return err
		}
		switch _, err := projectID(ctx, tx, to); {
		case err == nil:
			return fmt.Errorf("the journal has a project %q already; forget it first", to)
		case !errors.Is(err, ErrNoProject):
			return err
		}
		return tx.Exec(ctx, `UPDATE projects SET name = ? WHERE id = ?`, to, id)
	})
}

func projectID(ctx context.Context, q sqldb.Q, name string) (id int64, err error) {
	err = q.Row(ctx, `SELECT id FROM projects WHERE name = ?`, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: %q", ErrNoProject, name)
	}
	return id, err
}
