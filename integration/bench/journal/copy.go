// Package journal makes a large journal of a small one, for measurements.
package journal

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"
)

// Template is the ticket whose rows, as localmodel wrote them, are copied with
// other ids, whatever the schema is. Its number is replaced in every text.
const Template = "SEED-0000000"

// Copy adds n copies of the template's rows to the journal at path.
func Copy(path string, n int) error {
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(copies(db, n), db.Close())
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
	if err := tx.QueryRow(fmt.Sprintf(look, table), Template).Scan(&names, &rows); err != nil { //nolint:noctx // as above
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
			values[i] = fmt.Sprintf("CASE typeof(%[1]s) WHEN 'text' THEN replace(%[1]s, '%s', printf('SEED-%%07d', n.i)) ELSE %[1]s END", c, Template)
		}
	}
	order := "n.i"
	if columns[0] == "id" {
		order += ", id"
	}
	const insert = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM n, (SELECT * FROM %[1]s WHERE ticket = ?) ORDER BY %[4]s`
	_, err := tx.Exec(fmt.Sprintf(insert, table, names, strings.Join(values, ", "), order), n, Template) //nolint:noctx // as above
	return err
}
