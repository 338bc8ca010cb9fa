package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// Project is a project's row: its counters, kept beside the rows they count
// and in the same transaction, so that no figure is ever computed from history.
type Project struct {
	ID     int64
	Seq    int64 // of the last record; who writes one counts it up and saves the row
	lastAt int64
	lost   int64 // records that were acknowledged and are gone

	imported           bool // the counters of before the journal have been taken over
	success, escalated int
	qualitySum         float64
	qualityN           int
	failures           map[string]int

	failuresText string
}

// Columns are what Look reads of a project's row, p.
const Columns = `p.id, p.seq, p.last_at, p.lost, p.imported, p.success, p.escalated, p.quality_sum, p.quality_n, p.failures`

func (p *Project) dest() []any {
	return []any{&p.ID, &p.Seq, &p.lastAt, &p.lost, &p.imported, &p.success, &p.escalated, &p.qualitySum, &p.qualityN, &p.failuresText}
}

// loaded ends a scan.
func (p *Project) loaded() error {
	p.failures = map[string]int{}
	if p.failuresText == "" || p.failuresText == "{}" {
		return nil
	}
	if err := json.Unmarshal([]byte(p.failuresText), &p.failures); err != nil {
		return fmt.Errorf("%w: the counters of a project are damaged: %w", ErrUnavailable, err)
	}
	return nil
}

// Stats are the counters, as the state file has them.
func (p *Project) Stats() projection.Stats {
	s := projection.Stats{SuccessCount: p.success, EscalatedToCloud: p.escalated, TotalAttempts: p.success + p.escalated, FailuresByType: p.failures}
	if p.qualityN > 0 {
		s.AvgQualityScore = math.Round(p.qualitySum/float64(p.qualityN)*100) / 100
	}
	return s
}

// Save writes the row's counters, its number and its time.
func (p *Project) Save(ctx context.Context, tx sqldb.Q, now time.Time) error {
	failures, _ := json.Marshal(p.failures) // numbers by name: it cannot fail
	return tx.Exec(ctx, `UPDATE projects SET used = ?, seq = ?, last_at = ?, lost = ?, imported = ?, success = ?, escalated = ?,
quality_sum = ?, quality_n = ?, failures = ? WHERE id = ?`, now.UnixMilli(), p.Seq, p.lastAt, p.lost, sqldb.Flag(p.imported),
		p.success, p.escalated, p.qualitySum, p.qualityN, string(failures), p.ID)
}

// Close counts an attempt that was closed: at a gate where it was escalated, ""
// where it was done. quality is its score, nil = it has none.
func (p *Project) Close(gate policy.Gate, quality *float64) {
	if gate == "" {
		p.success++
	} else {
		p.escalated++
		p.failures[string(gate)]++
	}
	if quality != nil {
		p.qualitySum, p.qualityN = p.qualitySum+*quality, p.qualityN+1
	}
}

// Recorded counts one more outcome at a time. late says that the clock is behind
// the last one. Nothing depends on it, outcomes are in the order of their
// recording; a person reads the times, though.
func (p *Project) Recorded(now time.Time) (late string) {
	if p.lastAt != 0 {
		if back := time.UnixMilli(p.lastAt).Sub(now); back > time.Minute {
			late = fmt.Sprintf("the clock is %s behind the last recorded outcome; it was recorded in order, but look at the clock (date)",
				back.Round(time.Second))
		}
	}
	p.Seq++
	p.lastAt = now.UnixMilli()
	return late
}

// TakeOver adds counters from before the journal, once. avgQualityScore comes
// with the attempts it was the mean of; failures count only under a gate's name.
func (p *Project) TakeOver(before projection.Stats) {
	if p.imported {
		return
	}
	p.imported = true
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
func (p *Project) raise(known projection.Stats) {
	p.success, p.escalated = max(p.success, bounded(known.SuccessCount)), max(p.escalated, bounded(known.EscalatedToCloud))
	for gate, n := range known.FailuresByType {
		if policy.Gate(gate).Valid() {
			p.failures[gate] = max(p.failures[gate], bounded(n))
		}
	}
}

// bounded keeps a foreign counter within what can be added up.
func bounded(n int) int { return min(max(n, 0), 1_000_000_000) }

// readProject reads the store's project; found is false where it has no row.
func (j *Journal) readProject(ctx context.Context, q sqldb.Q) (p Project, found bool, err error) {
	found, err = j.scanProject(ctx, q, &p, `SELECT `+Columns+` FROM projects p WHERE p.name = ?`, []any{j.o.Project})
	return p, found, err
}

func (j *Journal) scanProject(ctx context.Context, q sqldb.Q, p *Project, query string, args []any, more ...any) (found bool, err error) {
	j.seq.load(q.Database())
	err = q.Row(ctx, query, args...).Scan(append(p.dest(), more...)...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read project: %w", err)
	}
	j.seq.compare(q.Database(), p)
	return err == nil, p.loaded()
}

// ensureProject reads the store's project, or makes it.
func (j *Journal) ensureProject(ctx context.Context, tx sqldb.Q) (Project, error) {
	p, found, err := j.readProject(ctx, tx)
	if err != nil || found {
		return p, err
	}
	if err := tx.Exec(ctx, `INSERT INTO projects (name, used, seq, last_at, lost, imported, success, escalated, quality_sum, quality_n, failures)
VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0, 0, '{}')`, j.o.Project, j.Now().UnixMilli()); err != nil {
		return p, fmt.Errorf("add project: %w", err)
	}
	p, _, err = j.readProject(ctx, tx) // with its id
	return p, err
}

// Look reads the project's row into p, and what a query reads with it into more:
// the query selects Columns first, and of the project of the last argument. A row
// that is not there is made.
func (j *Journal) Look(ctx context.Context, tx sqldb.Q, p *Project, query string, args []any, more ...any) error {
	found, err := j.scanProject(ctx, tx, p, query, args, more...)
	if err == nil && !found {
		*p, err = j.ensureProject(ctx, tx)
	}
	return err
}

// Stats are the project's counters now.
func (j *Journal) Stats(ctx context.Context) (projection.Stats, error) {
	var p Project
	if err := j.ReadAny(ctx, func(q sqldb.Q) (err error) {
		p, _, err = j.readProject(ctx, q)
		return err
	}); err != nil {
		return projection.Stats{}, err
	}
	if !p.imported {
		if before, known := j.mirror.Baseline(ctx, false); known {
			p.TakeOver(before)
		}
	}
	return p.Stats(), nil
}

// Summary is what the journal has of one project.
type Summary struct {
	Name  string           `json:"name"`
	Used  time.Time        `json:"used"` // when something was last written
	Rows  int              `json:"rows"` // outcomes, attempts, calls and decisions
	Lost  int64            `json:"lost,omitempty"`
	Stats projection.Stats `json:"stats"`
}

// Projects lists every project of the journal, the last used first.
func (j *Journal) Projects(ctx context.Context) (list []Summary, err error) {
	err = j.db.Read(ctx, func(q sqldb.Q) error {
		list = nil
		return q.Each(ctx, `SELECT p.name, p.used, `+Columns+`,
(SELECT COUNT(*) FROM outcomes WHERE project = p.id) + (SELECT COUNT(*) FROM attempts WHERE project = p.id) +
(SELECT COUNT(*) FROM calls WHERE project = p.id) + (SELECT COUNT(*) FROM decisions WHERE project = p.id)
FROM projects p ORDER BY p.used DESC, p.name`, nil, func(r sqldb.Row) error {
			var one Summary
			var row Project
			var used int64
			dest := append([]any{&one.Name, &used}, row.dest()...)
			if err := r.Scan(append(dest, &one.Rows)...); err != nil {
				return err
			}
			if err := row.loaded(); err != nil {
				return err
			}
			one.Used, one.Stats, one.Lost = time.UnixMilli(used), row.Stats(), row.lost
			list = append(list, one)
			return nil
		})
	})
	return list, err
}

// projectTables hold rows of a project, beside projects itself. What was spent
// stays: it counts against the user's cap.
var projectTables = []string{"tickets", "attempts", "outcomes", "figures", "guard", "guard_memo", "decisions", "calls", "usage", "answers", "drafts", "models"}

// ErrNoProject says that the journal has no project of that name.
var ErrNoProject = errors.New("the journal has no such project")

// Forget deletes everything the journal has of a project but what it spent.
func (j *Journal) Forget(ctx context.Context, name string) error {
	return j.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
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
func (j *Journal) Rename(ctx context.Context, name, to string) error {
	return j.db.Write(ctx, func(ctx context.Context, tx sqldb.Q) error {
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
