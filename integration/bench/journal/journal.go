// Package journal makes journals of many tickets: one real ticket's rows, as
// localmodel wrote them, copied with other ids, whatever the schema is.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// template is the ticket that is copied; its number is replaced in every text.
const template = "SEED-0000000"

// Of is where a project's runs have their journal.
func Of(project string) string { return filepath.Join(project, "state", "journal.db") }

// Fill makes a project's journal hold n closed tickets, spread over the last
// 80 days. start starts a server there.
func Fill(project string, n int, start func() (*mcpchild.Child, error)) error {
	if err := writeTemplate(start); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(Of(project))+
		"?_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(copies(db, n-1), db.Close())
}

// writeTemplate takes one ticket through all its gates.
func writeTemplate(start func() (*mcpchild.Child, error)) error {
	c, err := start()
	if err != nil {
		return err
	}
	_, err = c.Tool("classify_ticket", Stated(template))
	for _, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
		if err == nil {
			_, err = c.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":%q,"gate":%q,"outcome":"pass","route":"local","event_id":"%s:%s:1","quality_score":87,"evidence":"go test ./...: ok"}`,
				template, gate, template, gate))
		}
	}
	return errors.Join(err, c.Close())
}

// copied are the tables with rows of a ticket. An id is counted on by as many
// as the template has rows, attempt by one.
var copied = []string{"tickets", "attempts", "outcomes", "decisions"}

// copies adds n copies of the template's rows, and counts them.
func copies(db *sql.DB, n int) error {
	if n < 1 {
		return nil
	}
	tx, err := db.Begin() //nolint:noctx // as long as it takes
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for _, table := range copied {
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

func copyTable(tx *sql.Tx, table string, n int) error {
	columns, err := columnsOf(tx, table)
	if err != nil {
		return err
	}
	var rows int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM ` + table + ` WHERE ticket = '` + template + `'`).Scan(&rows); err != nil { //nolint:noctx // as above
		return err
	}
	if rows == 0 {
		return errors.New("the template has no row in it")
	}
	hour := time.Hour.Milliseconds()
	values := make([]string, len(columns))
	for i, c := range columns {
		switch c {
		case "id":
			values[i] = fmt.Sprintf("id + n.i * %d", rows)
		case "attempt":
			values[i] = "CASE attempt WHEN 0 THEN 0 ELSE attempt + n.i END"
		case "at", "opened", "closed":
			values[i] = fmt.Sprintf("%s - (n.i * 37 %% %d) * %d", c, 80*24, hour)
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
	_, err = tx.ExecContext(context.Background(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+fmt.Sprint(n)+`)
INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) SELECT `+strings.Join(values, ", ")+
		` FROM n, (SELECT * FROM `+table+` WHERE ticket = '`+template+`') ORDER BY `+order) //nolint:noctx // as above
	return err
}

func columnsOf(tx *sql.Tx, table string) (names []string, err error) {
	rows, err := tx.Query(`SELECT name FROM pragma_table_info('` + table + `')`) //nolint:noctx // as above
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // only read; Err is looked at
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// Stated is the arguments for a ticket that needs no model.
func Stated(id string) string {
	return fmt.Sprintf(`{"ticket":"---\nid: %s\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# Fix it\n"}`, id)
}
