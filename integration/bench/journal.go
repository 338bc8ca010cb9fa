package main

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// template is the ticket whose rows, as localmodel wrote them, are copied with
// other ids, whatever the schema is. Its number is replaced in every text.
const template = "SEED-0000000"

// journalOf is where a project's runs have their journal.
func journalOf(project string) string { return filepath.Join(project, "state", "journal.db") }

// fill makes a project's journal hold n closed tickets, spread over the last 80
// days.
func (l *lab) fill(project string, n int) error {
	if err := l.writeTemplate(project); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(journalOf(project))+
		"?_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(copies(db, n-1), db.Close())
}

// writeTemplate takes one ticket through all its gates.
func (l *lab) writeTemplate(project string) error {
	c, err := mcpchild.Open(l.server(project))
	if err != nil {
		return err
	}
	_, err = c.Tool("classify_ticket", statedTicket(template))
	for _, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
		if err == nil {
			_, err = c.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":%q,"gate":%q,"outcome":"pass","route":"local",`+
				`"event_id":"%s:%s:1","quality_score":87,"evidence":"go test ./...: ok"}`, template, gate, template, gate))
		}
	}
	return errors.Join(err, c.Close())
}

// copies adds n copies of the template's rows, and counts them.
func copies(db *sql.DB, n int) error {
	tx, err := db.Begin() //nolint:noctx // as long as it takes
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for _, table := range []string{"tickets", "attempts", "outcomes", "decisions"} {
		if err := copyTable(tx, table, n); err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	for _, sums := range []string{
		`UPDATE projects SET success = success + ?1, quality_sum = quality_sum * (1 + ?1), quality_n = quality_n + ?1`,
		`UPDATE figures SET n = n * (1 + ?1), quality_sum = quality_sum * (1 + ?1), quality_n = quality_n * (1 + ?1)`,
	} {
		if _, err := tx.Exec(sums, n); err != nil { //nolint:noctx // as above
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`) //nolint:noctx // as above
	return err
}

// copyTable counts an id on by as many as the template has rows, an attempt by
// one.
func copyTable(tx *sql.Tx, table string, n int) error {
	const look = `SELECT (SELECT group_concat(name) FROM pragma_table_info('%[1]s')), COUNT(*) FROM %[1]s WHERE ticket = ?`
	var names string
	var rows int
	if err := tx.QueryRow(fmt.Sprintf(look, table), template).Scan(&names, &rows); err != nil { //nolint:noctx // as above
		return err
	}
	if rows == 0 {
		return errors.New("the template has no row in it")
	}
	columns := strings.Split(names, ",")
	values := make([]string, len(columns))
	for i, c := range columns {
		switch c {
		case "id":
			values[i] = fmt.Sprintf("id + n.i * %d", rows)
		case "attempt":
			values[i] = "CASE attempt WHEN 0 THEN 0 ELSE attempt + n.i END"
		case "at", "opened", "closed":
			values[i] = fmt.Sprintf("%s - (n.i * 37 %% %d) * %d", c, 80*24, time.Hour.Milliseconds())
		case "hash":
			values[i] = "printf('%064x', n.i)"
		default: // only a text can name the ticket
			values[i] = fmt.Sprintf("CASE typeof(%[1]s) WHEN 'text' THEN replace(%[1]s, '%s', printf('SEED-%%07d', n.i)) ELSE %[1]s END", c, template)
		}
	}
	order := "n.i"
	if columns[0] == "id" {
		order += ", id"
	}
	const insert = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM n, (SELECT * FROM %[1]s WHERE ticket = ?) ORDER BY %[4]s`
	_, err := tx.Exec(fmt.Sprintf(insert, table, names, strings.Join(values, ", "), order), n, template) //nolint:noctx // as above
	return err
}

// statedTicket is the arguments for a ticket that needs no model.
func statedTicket(id string) string {
	return fmt.Sprintf(`{"ticket":"---\nid: %s\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# Fix it\n"}`, id)
}
